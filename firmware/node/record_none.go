//go:build !record

package node

type recording struct{}

func (n *Node) observe() {}
