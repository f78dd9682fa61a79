module github.com/femto-containers/femto/bench/peers

go 1.26.0

require (
	github.com/femto-containers/femto v0.0.0
	github.com/tetratelabs/wazero v1.12.0
	golang.org/x/sys v0.44.0
)

replace github.com/femto-containers/femto => ../..
