"""Which of the gateway's codes are a clear word about an order. All others are notices: the order may well live."""

#: The order was not taken, for certain.
REFUSALS = {
    103: "the order id was used before",
    107: "the order is incomplete",
    109: "the price is outside of the range set in the order presets",
    110: "the price is off the tick",
    111: "order type and time in force do not go together",
    200: "no contract, or an ambiguous one",
    201: "rejected by the broker",
    203: "the contract is not available to the account",
    321: "the request did not pass the gateway's checks, or the API is read-only",
    355: "the size is not among those of its market",
    382: "the size is outside of the order presets",
    383: "the size is above the limit of the order presets",
    387: "the exchange does not know the order type",
    388: "the order is smaller than the smallest size",
    434: "the size is zero",
    435: "an account must be named",
    436: "an allocation must be named",
    460: "the account has no permission to trade it",
    463: "the price is not valid",
    10243: "fractions cannot be sent over the API",
    10318: "fractions of it are not traded",
    10268: "an attribute is not supported any more",
    10269: "an attribute is not supported any more",
    10289: "a cash quantity must be set",
}
#: The order is on its way out or gone.
CANCELED = 202
#: A cancel was not taken: not found, not in a state to be canceled, or of another client.
CANCEL_REFUSED = frozenset({161, 10147, 10148})

#: How a notice (399) says that an order is only held until the venue opens; others of that code say other things.
HELD_BACK = "will not be placed at the exchange until"

#: Statuses of an order that works or waits.
ALIVE = frozenset({"ApiPending", "PendingSubmit", "PreSubmitted", "Submitted"})
#: Statuses that claim an end; none of them proves one.
CLAIMED_DEAD = frozenset({"Cancelled", "ApiCancelled", "Inactive"})
PENDING_CANCEL = "PendingCancel"
FILLED = "Filled"
