// Package config finds the app's settings: environment before config file before defaults. It imitates the
// careless manners of the original on purpose: a file it cannot parse is only warned about, an unknown key is
// ignored, a malformed number is zero.
package config

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	_ "time/tzdata" // the guest may have no time zone files
)

// Config is what the app runs with. Paths are absolute unless the rootpath is not.
type Config struct {
	// File is the config file in use, "" when there is none or it was unusable.
	File string
	// Warnings are what has to be logged once the log is open.
	Warnings []string

	Interface, PublicURL, Rootpath, Secret, Motd string
	// SecretIsRandom says that no secret was configured: this one dies with the process.
	SecretIsRandom         bool
	Zone                   *time.Location
	TokenLife, SessionLife time.Duration
	Registration           bool
	BcryptRounds           int
	IPMethod               string
	TrustedProxies         []string

	DatabaseType, DatabasePath string
	MaxOpen, MaxIdle           int
	MaxLifetime                time.Duration

	FilesDir string
	// FileLimit is files.maxsize in MiB.
	FileLimit int64

	Origins              []string
	NoAuthLimit          int
	Mailer, Webhooks     bool
	LogStandard, LogHTTP string
	LogLevel, LogPath    string
}

// Load reads the settings. An error is one of the conditions that end the original with exit code 1.
func Load() (*Config, error) {
	values, c, err := gather()
	if err != nil {
		return nil, err
	}
	c.service(values)
	c.storage(values)
	c.logging(values)
	if err := c.secret(values); err != nil {
		return nil, err
	}
	if c.Zone, err = time.LoadLocation(values["service.timezone"]); err != nil {
		return nil, fmt.Errorf("unknown time zone %q: %w", values["service.timezone"], err)
	}
	return c, c.publicURL(values)
}

// gather lays environment over file over defaults and resolves `<key>.file`.
func gather() (map[string]string, *Config, error) {
	environment := fromEnvironment()
	rootpath := environment["service.rootpath"]
	if rootpath == "" {
		here, err := os.Getwd()
		if err != nil {
			return nil, nil, fmt.Errorf("cannot tell the working directory: %w", err)
		}
		rootpath = here
	}
	c := &Config{File: findFile(rootpath)}
	values := map[string]string{}
	overlay(values, defaults)
	overlay(values, c.fromFile())
	overlay(values, environment)
	if values["service.rootpath"] == "" {
		values["service.rootpath"] = rootpath
	}
	return values, c, readIndirect(values, values["service.rootpath"])
}

// fromFile reads the found file; when that fails the app goes on as if there were none.
func (c *Config) fromFile() map[string]string {
	if c.File == "" {
		c.Warnings = append(c.Warnings, "No config file found, using default or config from environment variables.")
		return nil
	}
	values, err := readFile(c.File)
	if err != nil {
		c.Warnings = append(c.Warnings, fmt.Sprintf("Cannot use %s: %v. Using default config.", c.File, err))
		c.File = ""
	}
	return values
}

func overlay(under, over map[string]string) {
	for key, value := range over {
		under[key] = value
	}
}

func (c *Config) service(values map[string]string) {
	c.Interface = values["service.interface"]
	c.Rootpath = values["service.rootpath"]
	c.Motd = values["service.motd"]
	c.TokenLife = time.Duration(number(values["service.jwtttlshort"])) * time.Second
	c.SessionLife = time.Duration(number(values["service.jwtttl"])) * time.Second
	c.Registration = yes(values["service.enableregistration"])
	c.BcryptRounds = int(number(values["service.bcryptrounds"]))
	c.IPMethod = values["service.ipextractionmethod"]
	c.TrustedProxies = list(values["service.trustedproxies"])
	c.NoAuthLimit = int(number(values["ratelimit.noauthlimit"]))
	c.Mailer = yes(values["mailer.enabled"])
	c.Webhooks = yes(values["webhooks.enabled"])
}

func (c *Config) storage(values map[string]string) {
	c.DatabaseType = values["database.type"]
	c.DatabasePath = below(c.Rootpath, values["database.path"])
	c.MaxOpen = int(number(values["database.maxopenconnections"]))
	c.MaxIdle = int(number(values["database.maxidleconnections"]))
	c.MaxLifetime = time.Duration(number(values["database.maxconnectionlifetime"])) * time.Millisecond
	c.FilesDir = below(c.Rootpath, values["files.basepath"])
	c.FileLimit = number(strings.TrimSuffix(strings.ToUpper(values["files.maxsize"]), "MB"))
}

func (c *Config) logging(values map[string]string) {
	c.LogStandard, c.LogHTTP = values["log.standard"], values["log.http"]
	if !yes(values["log.enabled"]) {
		c.LogStandard, c.LogHTTP = "off", "off"
	}
	c.LogLevel = strings.ToUpper(values["log.level"])
	c.LogPath = below(c.Rootpath, values["log.path"])
}

// secret takes the newer name before the older one, and invents a secret when neither is set: everyone's
// access token then ends with this process.
func (c *Config) secret(values map[string]string) error {
	c.Secret = values["service.secret"]
	if c.Secret == "" && values["service.jwtsecret"] != "" {
		c.Secret = values["service.jwtsecret"]
		c.Warnings = append(c.Warnings, "service.jwtsecret is deprecated, use service.secret.")
	}
	if c.Secret != "" {
		return nil
	}
	random := make([]byte, 32)
	if _, err := rand.Read(random); err != nil {
		return fmt.Errorf("cannot make a random secret: %w", err)
	}
	c.Secret, c.SecretIsRandom = hex.EncodeToString(random), true
	return nil
}

// publicURL insists on a public URL while CORS is on, which is the default, and adds it to the origins.
func (c *Config) publicURL(values map[string]string) error {
	c.Origins = list(values["cors.origins"])
	text := values["service.publicurl"]
	if text == "" {
		if yes(values["cors.enable"]) {
			return fmt.Errorf("service.publicurl is required while cors.enable is true")
		}
		return nil
	}
	parsed, err := url.Parse(text)
	if err != nil || (parsed.Scheme != "http" && parsed.Scheme != "https") || parsed.Host == "" {
		return fmt.Errorf("service.publicurl %q is not an http or https URL", text)
	}
	c.PublicURL = strings.TrimSuffix(text, "/") + "/"
	c.Origins = append(c.Origins, parsed.Scheme+"://"+parsed.Host)
	return nil
}
