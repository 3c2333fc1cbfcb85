package web

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// limiter counts calls per client and minute, in this process only.
type limiter struct {
	mutex  sync.Mutex
	most   int
	since  time.Time
	counts map[string]int
}

func newLimiter(most int) *limiter { return &limiter{most: most, counts: map[string]int{}} }

// allow counts one call of this client and tells whether it is still within the limit.
func (l *limiter) allow(client string) bool {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if time.Since(l.since) >= time.Minute {
		l.since, l.counts = time.Now(), map[string]int{}
	}
	l.counts[client]++
	return l.counts[client] <= l.most
}

// clientIP tells who is calling. With `direct`, the default, everyone behind a proxy is one client.
func (s *Server) clientIP(r *http.Request) string {
	peer, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	switch s.config.IPMethod {
	case "xff":
		return s.firstUntrusted(append(strings.Split(strings.Join(r.Header.Values("X-Forwarded-For"), ","), ","), peer))
	case "realip":
		if real := r.Header.Get("X-Real-IP"); real != "" && s.trusted(peer) {
			return real
		}
	}
	return peer
}

// firstUntrusted walks the chain of addresses from the nearest and stops at the first that is no trusted proxy.
func (s *Server) firstUntrusted(chain []string) string {
	nearest := chain[len(chain)-1]
	for i := len(chain) - 1; i >= 0; i-- {
		address := strings.TrimSpace(chain[i])
		if address == "" {
			break
		}
		nearest = address
		if !s.trusted(address) {
			break
		}
	}
	return nearest
}

func (s *Server) trusted(address string) bool {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	for _, proxy := range s.config.TrustedProxies {
		if prefix, err := netip.ParsePrefix(proxy); err == nil && prefix.Contains(ip.Unmap()) {
			return true
		}
	}
	return false
}
