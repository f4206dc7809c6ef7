"""The tool for the deployments on Railway: `deploy/railway-tool COMMAND`, or `python -m deploy.railway COMMAND`.

It needs nothing but the standard library; what looks into the database also wants the packages of the application.
"""
