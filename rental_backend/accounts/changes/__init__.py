"""The changes of accounts: what ended, and whose rights are other ones now."""
