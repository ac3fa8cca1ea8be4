"""Programmes as configuration: one file a version, a typed model of it, its reader and its checks."""
