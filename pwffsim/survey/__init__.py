"""What a radio engineer checks first about a scenario: budgets, rates, delays, losses, energy, what is implausible."""
