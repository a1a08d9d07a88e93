"""HTTP only: endpoints, intake of uploads, problem+json. Everything durable is the ledger's and the store's."""
