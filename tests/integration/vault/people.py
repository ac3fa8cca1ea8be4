"""Three people and a fourth whom nobody knows."""

ADA = "0b9e0f6a-6d0c-4c1e-9f52-4a1d3c5b7e01"
BOB = "5d2f9a3c-8b1e-4f7a-a6c4-2e9b7d1f0c02"
EVE = "c3a1e7b5-2f4d-4a9c-8e6b-7d5f1a3c9b03"
NOBODY = "f0f0f0f0-0000-4000-8000-000000000009"
