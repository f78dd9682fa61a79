package project

import (
	"strings"

	"github.com/femto-containers/femto/internal/sdkgen"
	"github.com/femto-containers/femto/vm"
)

// helpersCalled returns the numbers of what a name in grants.helpers stands
// for: a helper, or a group of them in lower case.
func helpersCalled(name string) []uint8 {
	var numbers []uint8
	for i := range sdkgen.Helpers {
		h := &sdkgen.Helpers[i]
		if h.Name == name || strings.ToLower(h.Group) == name {
			numbers = append(numbers, h.Number)
		}
	}
	return numbers
}

// helperWords lists what grants.helpers may name.
func helperWords() []string {
	var words []string
	for _, g := range sdkgen.Groups {
		words = append(words, strings.ToLower(g.Name))
	}
	for i := range sdkgen.Helpers {
		words = append(words, sdkgen.Helpers[i].Name)
	}
	return words
}

// granted is the set that grants.helpers names; everything if it is absent.
func (c *Config) granted() *vm.HelperSet {
	var set vm.HelperSet
	if c.Grants.Helpers == nil {
		for n := range 256 {
			set.Add(uint8(n))
		}
	}
	for _, name := range c.Grants.Helpers {
		for _, n := range helpersCalled(name) {
			set.Add(n)
		}
	}
	return &set
}

// Granted lists what grants.helpers names, as it does, and of groups their members.
func (c *Config) Granted() []string {
	var list []string
	for _, name := range c.Grants.Helpers {
		var members []string
		for _, n := range helpersCalled(name) {
			members = append(members, HelperName(n))
		}
		if len(members) != 1 || members[0] != name {
			name += " (" + strings.Join(members, " ") + ")"
		}
		list = append(list, name)
	}
	return list
}

// HelperName is a helper's name, or its number.
func HelperName(n uint8) string {
	for i := range sdkgen.Helpers {
		if sdkgen.Helpers[i].Number == n {
			return sdkgen.Helpers[i].Name
		}
	}
	return "0x" + string("0123456789abcdef"[n>>4]) + string("0123456789abcdef"[n&15])
}

// HelperNames lists a set, ascending by number.
func HelperNames(set *vm.HelperSet) []string {
	names := []string{}
	for n := range 256 {
		if set.Has(uint8(n)) {
			names = append(names, HelperName(uint8(n)))
		}
	}
	return names
}
