"""The pages: where their links lead, and that what they tell to type works."""
