package build

import (
	"bytes"
	"debug/elf"
	"fmt"
	"strings"
)

// Meta returns what FEMTO_META and FEMTO_HOOK in the sources of an object say
// of the container, by key; nil if they say nothing. A key that is given twice
// with different values is an error.
func Meta(object []byte) (map[string]string, error) {
	file, err := elf.NewFile(bytes.NewReader(object))
	if err != nil {
		return nil, fmt.Errorf("not an ELF object: %w", err)
	}
	defer file.Close()
	section := file.Section(metaSection)
	if section == nil || section.Type == elf.SHT_NOBITS || section.Size > maxSection {
		return nil, nil
	}
	content, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("section %s: %w", metaSection, err)
	}
	meta := map[string]string{}
	for entry := range strings.SplitSeq(string(content), "\x00") {
		if entry == "" {
			continue
		}
		key, value, ok := strings.Cut(entry, "=")
		if !ok {
			return nil, fmt.Errorf("section %s: %q is no key=value", metaSection, entry)
		}
		if err := join(meta, map[string]string{key: value}); err != nil {
			return nil, err
		}
	}
	return meta, nil
}

// join adds what else is said.
func join(meta, more map[string]string) error {
	for key, value := range more {
		if before, twice := meta[key]; twice && before != value {
			return fmt.Errorf("FEMTO_META: %s is %q and %q", key, before, value)
		}
		meta[key] = value
	}
	return nil
}
