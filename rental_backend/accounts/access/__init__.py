"""Who may do what: permissions, authority and the reference roles."""
