.PHONY: power-cuts
power-cuts: ## the power taken at every flash operation of every scenario of a device
	FEMTO_POWER_CUTS=all $(GO) test -count=1 -timeout 30m -v -run PowerCut ./agent
