"""Writers of what people receive: one module a deliverable, over one module of shared workbook style."""
