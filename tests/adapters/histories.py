"""Which pictures does a request send back to the queue, and where did the queue put those that it made?"""


def contents_of(request):
    """The pictures of a request with contents, as (role, address)."""
    return [
        (turn["role"], part["fileData"]["fileUri"])
        for turn in request.payload["contents"]
        for part in turn["parts"]
        if "fileData" in part
    ]


def address_of(world, words, number=0):
    """Where the picture stands that the queue made for these words, as histories name it."""
    return world.sent(words).result.files[number].gs_uri
