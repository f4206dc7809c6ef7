"""Every operation of Railway's GraphQL API that the tool uses.

Few fields are asked for, since the schema changes; what not every version of it has stands in an operation of its own,
and its absence is tolerated. A project token may do all of them.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Operation:
    """One document with one named operation."""

    text: str

    @property
    def name(self) -> str:
        """Its name, as the API is told it."""
        found = re.match(r"\s*(?:query|mutation)\s+(\w+)", self.text)
        if found is None:
            raise ValueError("an operation has a name")
        return found[1]

    @property
    def changes(self) -> bool:
        """Whether it is a mutation."""
        return self.text.lstrip().startswith("mutation")


PROJECT_TOKEN = Operation("query ProjectToken { projectToken { projectId environmentId } }")
TOPOLOGY = Operation("""query Topology($id: String!) { project(id: $id) { id name
  environments { edges { node { id name } } } services { edges { node { id name } } } } }""")
INSTANCE = Operation("""query Instance($environmentId: String!, $serviceId: String!) {
  serviceInstance(environmentId: $environmentId, serviceId: $serviceId) {
    dockerfilePath startCommand preDeployCommand healthcheckPath healthcheckTimeout restartPolicyType
    restartPolicyMaxRetries numReplicas overlapSeconds drainingSeconds sleepApplication } }""")
DEPLOYMENTS = Operation("""query Deployments($input: DeploymentListInput!, $first: Int) {
  deployments(input: $input, first: $first) { edges { node { id status createdAt serviceId environmentId projectId
    canRollback deploymentStopped meta } } } }""")
DEPLOYMENT = Operation("""query Deployment($id: String!) { deployment(id: $id) { id status createdAt serviceId
  environmentId projectId canRollback deploymentStopped meta instances { id status } } }""")
EVENTS = Operation("""query Events($id: String!, $first: Int) { deploymentEvents(id: $id, first: $first) {
  edges { node { step createdAt completedAt payload { error } } } } }""")
BUILD_LOGS = Operation("""query BuildLogs($deploymentId: String!, $limit: Int) {
  buildLogs(deploymentId: $deploymentId, limit: $limit) { timestamp severity message } }""")
DEPLOY_LOGS = Operation("""query DeployLogs($deploymentId: String!, $limit: Int, $filter: String) {
  deploymentLogs(deploymentId: $deploymentId, limit: $limit, filter: $filter) { timestamp severity message } }""")
HTTP_LOGS = Operation("""query HttpLogs($deploymentId: String!, $beforeLimit: Int, $filter: String) {
  httpLogs(deploymentId: $deploymentId, beforeLimit: $beforeLimit, filter: $filter) {
    timestamp requestId method path httpStatus totalDuration } }""")
HTTP_METRICS = Operation("""query HttpMetrics($serviceId: String!, $environmentId: String!, $startDate: DateTime!,
  $endDate: DateTime!) { httpMetricsGroupedByStatus(serviceId: $serviceId, environmentId: $environmentId,
  startDate: $startDate, endDate: $endDate) { statusCode samples { ts value } } }""")
VARIABLES = Operation("""query Variables($projectId: String!, $environmentId: String!, $serviceId: String) {
  variables(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId) }""")
DOMAINS = Operation("""query Domains($projectId: String!, $environmentId: String!, $serviceId: String!) {
  domains(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId) {
    serviceDomains { domain targetPort } customDomains { domain targetPort
      status { verified certificateStatus certificateErrorMessage
        dnsRecords { hostlabel requiredValue currentValue status } } } } }""")
AUTO_DEPLOY = Operation("""query AutoDeploy($projectId: String!, $environmentId: String!, $serviceId: String!) {
  serviceInstanceAutoDeployStatus(projectId: $projectId, environmentId: $environmentId, serviceId: $serviceId) {
    enabled reason } }""")

DEPLOY = Operation("""mutation Deploy($serviceId: String!, $environmentId: String!, $commitSha: String) {
  serviceInstanceDeployV2(serviceId: $serviceId, environmentId: $environmentId, commitSha: $commitSha) }""")
ROLLBACK = Operation("mutation Rollback($id: String!) { deploymentRollback(id: $id) }")
INSTANCE_UPDATE = Operation("""mutation InstanceUpdate($serviceId: String!, $environmentId: String!,
  $input: ServiceInstanceUpdateInput!) {
  serviceInstanceUpdate(serviceId: $serviceId, environmentId: $environmentId, input: $input) }""")
VARIABLE_UPSERT = Operation("mutation VariableUpsert($input: VariableUpsertInput!) { variableUpsert(input: $input) }")
AUTO_DEPLOY_UPDATE = Operation("""mutation AutoDeployUpdate($input: ServiceInstanceAutoDeployUpdateInput!) {
  serviceInstanceAutoDeployUpdate(input: $input) { __typename } }""")

ALL = tuple(each for each in list(globals().values()) if isinstance(each, Operation))
