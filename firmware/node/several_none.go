//go:build !several

package node

type several struct{}

func (n *Node) combine() {}
