"""The provider route: a person is identified and invited; a referral exists once they accept."""
