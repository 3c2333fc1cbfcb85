// Bundles the page. A build from a subdirectory's address is made by VIKUNJA_FRONTEND_BASE, as in the original.
export default { base: process.env.VIKUNJA_FRONTEND_BASE ?? '/', build: { target: 'es2022' } }
