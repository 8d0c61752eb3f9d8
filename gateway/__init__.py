"""What a tenant's customers talk to: their messages to an agent, its answers back."""
