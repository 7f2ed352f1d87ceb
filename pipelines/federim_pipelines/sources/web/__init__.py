"""HTTP servers a site pulls from: how they are reached, and how they are asked."""
