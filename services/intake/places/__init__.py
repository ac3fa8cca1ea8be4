"""Which area a postcode, a practice and a Jobcentre belong to: three tables that the deployer supplies."""
