.PHONY: power-cuts hostile deploy-costs
power-cuts: ## the power taken at every flash operation of every scenario of a device, and once more while it recovers; tens of thousands
	@FEMTO_POWER_CUTS=all $(GO) test -count=1 -timeout 30m -v -run PowerCut ./agent

hostile: ## nine clients beside a hostile one for a minute, in virtual time
	@FEMTO_HOSTILE=60 $(GO) test -count=1 -v -run TestHostileClient ./agent

deploy-costs: ## the table of what a deployment of 186 B costs, in virtual time
	@FEMTO_DEPLOY_COSTS=101 $(GO) test -count=1 -v -run TestDeployCosts ./agent
