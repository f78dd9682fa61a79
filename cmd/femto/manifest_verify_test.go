package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/femto-containers/femto/internal/author"
	"github.com/femto-containers/femto/internal/vectors"
)

// TestVerifyEdgeCases judges every edge case through the command, with the key
// in each form that it may have.
func TestVerifyEdgeCases(t *testing.T) {
	t.Parallel()
	folder := vectors.Dir(t, "suit", "edge-cases")
	raw, err := os.ReadFile(filepath.Join(folder, "cases.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Cases                []struct{ File, Key, Expect, Stage, Why string }
		Keys                 map[string]json.RawMessage
		Vendor, Class, HookA string
	}
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	keys := keyForms(t, folder, file.Keys)
	identifiers := []string{"--vendor", file.Vendor, "--class", file.Class, "--component", file.HookA, "--min-seq", "1"}
	for _, tc := range file.Cases {
		t.Run(tc.File, func(t *testing.T) {
			if len(keys[tc.Key]) == 0 {
				t.Fatalf("no key %q", tc.Key)
			}
			envelope := filepath.Join(folder, tc.File)
			for form, key := range keys[tc.Key] {
				code, v := verify(t, append([]string{"--key", key, envelope}, identifiers...)...)
				switch accepted := v.Verdict == "accepted"; {
				case accepted != (code == exitOK) || code != exitOK && code != exitUntrusted:
					t.Errorf("key as %s: %s with exit code %d", form, v.Verdict, code)
				case tc.Expect == "accept" && !accepted, tc.Expect == "reject" && accepted:
					t.Errorf("key as %s: %s at stage %s; the case says %s: %s", form, v.Verdict, v.Stage, tc.Expect, tc.Why)
				case (!accepted || tc.Expect == "accept" || tc.Expect == "accept-no-install") && v.Stage != tc.Stage:
					t.Errorf("key as %s: stage %s; the case says %s: %s", form, v.Stage, tc.Stage, tc.Why)
				case accepted != (v.Reason.Code == 0) || v.Detail == "":
					t.Errorf("key as %s: %+v", form, v)
				}
			}
		})
	}
}

// keyForms gives each of the edge cases' public keys as what --key takes.
func keyForms(t *testing.T, folder string, keys map[string]json.RawMessage) map[string]map[string]string {
	t.Helper()
	dir := t.TempDir()
	forms := map[string]map[string]string{
		"ietf-p256": {"PEM": filepath.Join(folder, "..", "ietf-manifest-37", "public_key.pem")},
	}
	for name, value := range keys {
		var key struct{ Public string }
		if json.Unmarshal(value, &key) != nil || key.Public == "" {
			continue // described in words
		}
		raw, err := hex.DecodeString(key.Public)
		if err != nil || len(raw) != 32 {
			t.Fatalf("key %s: %v", name, err)
		}
		digits, pem := filepath.Join(dir, name+".hex"), filepath.Join(dir, name+".pem")
		if err := os.WriteFile(digits, []byte(key.Public+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := author.NewPublicKey([32]byte(raw)).Save(pem); err != nil {
			t.Fatal(err)
		}
		forms[name] = map[string]string{"digits": key.Public, "a file of digits": digits, "PEM": pem}
	}
	return forms
}

// judgement is what femto manifest verify --json prints.
type judgement struct {
	Schema, Verdict, Stage, Detail string
	Reason                         struct {
		Code int
		Text string
	}
}

func verify(t *testing.T, args ...string) (code int, v judgement) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = Main(context.Background(), append([]string{"manifest", "verify", "--json"}, args...), nil, &stdout, &stderr)
	if err := json.Unmarshal(stdout.Bytes(), &v); err != nil || v.Schema != "femto.manifest.verify/1" {
		t.Fatalf("exit code %d, %v: %s%s", code, err, &stdout, &stderr)
	}
	return code, v
}
