"""Pure functions of data: code lists, mapping to ICS-TIP, counting rules, linkage. No network, no clock."""
