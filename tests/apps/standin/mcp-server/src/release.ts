// What this release is: rewritten for every release from versions.json.

// The only backend this server works with; empty: whichever it meets.
export const release = { backend: '' }
