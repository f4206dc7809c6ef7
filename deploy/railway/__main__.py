"""`python -m deploy.railway COMMAND`."""

import sys

from deploy.railway.cli import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
