"""The kinds of faults that a change may meet, and what the tool must make of each."""

LOST = (
    "error",
    "status 500",
    "status 502",
    "garbage",
    "no data",
    "torn",
    "dropped",
)  # nobody knows whether it was done
REFUSED = ("denied", "too many")  # certainly not done
DONE = tuple(f"{kind} after" for kind in LOST)  # done, though the answer says otherwise
SLOW = ("late", "late and dropped")  # done, but seen later
OTHERS = ("foreign instead", "twice", "foreign too", "other version")  # somebody else's hand is in it
UNCLEAR = ("no effect",)  # said to be done, and never seen

READS = ("error", "status 500", "garbage", "no data", "torn", "dropped", "too many")

# The exit code that a rollback or a deployment must end with.
OUTCOMES = {
    **dict.fromkeys(LOST, 5),
    **dict.fromkeys(REFUSED, 6),
    **dict.fromkeys(DONE, 0),
    **dict.fromkeys(SLOW, 0),
    **dict.fromkeys(OTHERS, 5),
    **dict.fromkeys(UNCLEAR, 5),
    "retention": 0,
}
ALIKE = frozenset((*LOST[1::3], *LOST[2::3], *DONE[1::3], *DONE[2::3]))  # much like others; the long proofs have them
