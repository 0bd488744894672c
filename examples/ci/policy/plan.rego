# What a company adds to the guardrails, for conftest or OPA, on the plan as JSON:
#
#   reconciler plan --format json > plan.json
#   conftest test --policy policy plan.json
package main

import rego.v1

# Who may call abroad is decided elsewhere.
deny contains sprintf("%s may call abroad after this", [action.operatorId]) if {
	some action in input.actions
	some change in action.changes
	change.field == "outcallflag"
	change.after == "allowed"
	change.before != "allowed"
}

# A replace takes away an agent's history with the vendor.
deny contains sprintf("%s would be deleted and made anew", [action.operatorId]) if {
	some action in input.actions
	action.action == "replace"
}

# Not on the day when everybody is called.
warn contains "more than a tenth of the agents change" if {
	count(input.actions) * 10 > input.live.in_scope
}
