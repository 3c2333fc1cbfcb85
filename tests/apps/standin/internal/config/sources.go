package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// fileNames are the names looked for in each directory, in this order. YAML reads JSON as well.
var fileNames = []string{"config.yml", "config.yaml", "config.json"}

// findFile names the first config file on the search path, or "" when there is none.
func findFile(rootpath string) string {
	dirs := []string{rootpath, "/etc/vikunja"}
	if home, err := os.UserHomeDir(); err == nil {
		dirs = append(dirs, filepath.Join(home, ".config", "vikunja"))
	}
	for _, dir := range append(dirs, ".") {
		for _, name := range fileNames {
			path := filepath.Join(dir, name)
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
				return path
			}
		}
	}
	return ""
}

// readFile turns a config file into dotted lower-case keys. A list becomes its items joined by commas.
func readFile(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var tree map[string]any
	if err := yaml.Unmarshal(text, &tree); err != nil {
		return nil, err
	}
	flat := map[string]string{}
	flatten("", tree, flat)
	return flat, nil
}

func flatten(prefix string, tree map[string]any, flat map[string]string) {
	for name, value := range tree {
		key := prefix + strings.ToLower(name)
		switch value := value.(type) {
		case map[string]any:
			flatten(key+".", value, flat)
		case []any:
			items := make([]string, len(value))
			for i, item := range value {
				items[i] = fmt.Sprint(item)
			}
			flat[key] = strings.Join(items, ",")
		case nil:
		default:
			flat[key] = fmt.Sprint(value)
		}
	}
}

// fromEnvironment collects VIKUNJA_<KEY> and VIKUNJA_<KEY>_FILE for the known keys; other names are ignored.
func fromEnvironment() map[string]string {
	found := map[string]string{}
	for key := range defaults {
		for _, name := range []string{key, key + fileSuffix} {
			variable := "VIKUNJA_" + strings.ToUpper(strings.ReplaceAll(name, ".", "_"))
			if value, set := os.LookupEnv(variable); set {
				found[name] = value
			}
		}
	}
	return found
}

const fileSuffix = ".file"

// readIndirect replaces `<key>.file` by the content of the file it names. Only line ends are stripped from the
// end of the content, never spaces. `$VAR` in the path is expanded; a relative path starts at the rootpath.
func readIndirect(values map[string]string, rootpath string) error {
	for key := range defaults {
		path, set := values[key+fileSuffix]
		if !set || path == "" {
			continue
		}
		path = below(rootpath, os.ExpandEnv(path))
		content, err := os.ReadFile(path)
		if err != nil {
			return fmt.Errorf("cannot read the file given for %s: %w", key, err)
		}
		values[key] = strings.Trim(string(content), "\r\n")
	}
	return nil
}

func below(rootpath, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(rootpath, path)
}
