package diagnose

import (
	"regexp"
	"strings"
)

var (
	wrongType = regexp.MustCompile(`^cannot decode TOML (.+) into struct field \S+ of type (.+)$`)
	assigned  = regexp.MustCompile(`^(\w+) cannot be assigned to (\w+)$`)
	misplaced = regexp.MustCompile(`^cannot assign (\w+) to `)
	outOfKind = regexp.MustCompile(`value out of range$`)
)

// TOMLReason says in words what a reader of TOML has against a value.
func TOMLReason(err error) string {
	text := strings.TrimPrefix(err.Error(), "toml: ")
	switch {
	case wrongType.MatchString(text):
		m := wrongType.FindStringSubmatch(text)
		if strings.HasPrefix(m[2], "map[") { // or what is in it: the reader does not say
			return "this is " + kindText(m[1]) + ", which does not fit here"
		}
		return "this is " + kindText(m[1]) + ", and " + shapeText(m[2]) + " is wanted"
	case assigned.MatchString(text):
		m := assigned.FindStringSubmatch(text)
		return "this is " + kindText(m[1]) + ", and " + shapeText(m[2]) + " is wanted"
	case misplaced.MatchString(text):
		return "this is " + kindText(misplaced.FindStringSubmatch(text)[1]) + ", which does not fit here"
	case outOfKind.MatchString(text):
		return "the number is too large"
	case text == "incomplete number":
		return `this is no number; text stands in quotes, "so"`
	}
	return text
}

// kindText is a kind of TOML values.
func kindText(kind string) string {
	switch kind {
	case "string":
		return "text"
	case "integer":
		return "a whole number"
	case "boolean", "bool":
		return "true or false"
	case "inline table":
		return "a table"
	case "array":
		return "a list"
	}
	return "a " + kind
}

// shapeText is a type of Go as authors of TOML know it.
func shapeText(shape string) string {
	shape = strings.TrimPrefix(shape, "*")
	switch {
	case shape == "string":
		return `text in quotes, "so",`
	case shape == "bool":
		return "true or false"
	case strings.HasPrefix(shape, "int"), strings.HasPrefix(shape, "uint"):
		return "a whole number"
	case shape == "[]string":
		return `a list of texts, ["so"],`
	case strings.HasPrefix(shape, "[]"):
		return "a list, [ ],"
	}
	return "a table, { key = value },"
}
