package embedding_test

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// TestPage keeps what docs/embedding.md quotes equal to the files.
func TestPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/embedding.md")
	if err != nil {
		t.Fatal(err)
	}
	quotes := regexp.MustCompile("(?s)<!-- examples/embedding/(\\S+) -->\n```go\n(.*?)```\n").FindAllSubmatch(page, -1)
	if len(quotes) != 4 {
		t.Errorf("%d quotes", len(quotes))
	}
	for _, quote := range quotes {
		file, err := os.ReadFile(filepath.Clean(string(quote[1])))
		if err != nil || string(file) != string(quote[2]) {
			t.Errorf("%s is not as quoted (%v)", quote[1], err)
		}
	}
}
