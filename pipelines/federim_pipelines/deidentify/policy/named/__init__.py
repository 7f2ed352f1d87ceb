"""Policy files as the package brings them."""
