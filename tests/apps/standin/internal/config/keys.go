package config

import (
	"strconv"
	"strings"
)

// defaults holds every key this app knows with its value when nothing is set. Names and values are those of
// the imitated app; a key that is not here is ignored in silence, wherever it was written.
var defaults = map[string]string{
	"service.interface":          ":3456",
	"service.publicurl":          "",
	"service.rootpath":           "",
	"service.secret":             "",
	"service.jwtsecret":          "",
	"service.jwtttlshort":        "600",
	"service.jwtttl":             "259200",
	"service.timezone":           "GMT",
	"service.enableregistration": "true",
	"service.bcryptrounds":       "11",
	"service.ipextractionmethod": "direct",
	"service.trustedproxies":     "",
	"service.motd":               "",

	"database.type":                  "sqlite",
	"database.path":                  "vikunja.db",
	"database.maxopenconnections":    "100",
	"database.maxidleconnections":    "50",
	"database.maxconnectionlifetime": "10000",

	"files.basepath": "files",
	"files.maxsize":  "20MB",

	"cors.enable":  "true",
	"cors.origins": "http://127.0.0.1:*,http://localhost:*",

	"ratelimit.noauthlimit": "10",

	"mailer.enabled":   "false",
	"webhooks.enabled": "true",

	"log.enabled":  "true",
	"log.standard": "stdout",
	"log.http":     "stdout",
	"log.level":    "INFO",
	"log.path":     "logs",
}

// number reads a whole number; what is none counts as zero, as in the original.
func number(text string) int64 {
	value, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil {
		return 0
	}
	return value
}

// yes reads a truth value; what is none counts as false, as in the original.
func yes(text string) bool {
	value, err := strconv.ParseBool(text)
	return err == nil && value
}

func list(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' })
}
