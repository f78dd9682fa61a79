package main

import (
	"bytes"
	"context"
	"os"
	"regexp"
	"strings"
	"testing"
)

// variable is what differs from one quickstart to the next.
var variable = []struct {
	pattern *regexp.Regexp
	with    string
}{
	{regexp.MustCompile(`\S*femto-quickstart-\d+`), "FOLDER"},
	{regexp.MustCompile(`tenant [0-9a-f]{16}`), "tenant ID"},
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "ADDRESS"},
	{regexp.MustCompile(`above \d+`), "above NUMBER"},
}

// TestReadmeShowsTheQuickstart keeps the README's picture of the first command
// true.
func TestReadmeShowsTheQuickstart(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, shown, found := strings.Cut(string(readme), "<!-- quickstart -->\n```\n")
	shown, _, closed := strings.Cut(shown, "```")
	if !found || !closed {
		t.Fatal("README.md has no quickstart block")
	}
	var stdout, stderr bytes.Buffer
	if code := Main(context.Background(), []string{"quickstart"}, nil, &stdout, &stderr); code != exitOK {
		t.Fatalf("quickstart exits with %d: %s", code, &stderr)
	}
	printed, _, _ := strings.Cut(stdout.String(), "\n\n")
	if got, want := fixed(printed), fixed(shown); got != want {
		t.Errorf("the quickstart prints\n%s\nand the README shows\n%s", got, want)
	}
}

func fixed(s string) string {
	for _, v := range variable {
		s = v.pattern.ReplaceAllString(s, v.with)
	}
	return strings.TrimSpace(s)
}
