"""What is done once for each shop."""


def approve(shop, extracted, params):
    """Refuse the shops that the run was told to refuse."""
    if shop in params["refused"]:
        message = f"{shop} keeps no books"
        raise ValueError(message)
    return extracted["manifest"]["rows"]


def ring(shop):
    """Reach every shop but one by telephone."""
    if shop == "carl":
        message = f"nobody answers at {shop}'s"
        raise ConnectionError(message)
