"""Pictures, whoever drew them: uploads, pages of documents, rendered models; scaled, described and written for the web."""
