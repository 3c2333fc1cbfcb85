// Talks to the API at the injected URL. An access token lives minutes: one refusal is answered by a refresh and
// a second try.
let token = localStorage.getItem('token')

export const signedIn = () => token !== null

export function signOut() {
  token = null
  localStorage.removeItem('token')
}

function keep(answer) {
  token = answer.token
  localStorage.setItem('token', token)
}

async function send(method, path, body) {
  const headers = token ? {Authorization: `Bearer ${token}`} : {}
  const form = body instanceof FormData
  if (body && !form) headers['Content-Type'] = 'application/json'
  return fetch(window.API_URL + path, {
    method, headers, credentials: 'include', body: body && !form ? JSON.stringify(body) : body,
  })
}

async function refresh() {
  const response = await send('POST', '/user/token/refresh')
  if (response.ok) keep(await response.json())
  return response.ok
}

async function call(method, path, body) {
  let response = await send(method, path, body)
  if (response.status === 401 && await refresh()) response = await send(method, path, body)
  if (!response.ok) throw new Error((await response.json()).message)
  return response
}

export const api = async (method, path, body) => (await call(method, path, body)).json()
export const blob = async path => (await call('GET', path)).blob()
export const login = async account => keep(await api('POST', '/login', account))
export const register = account => api('POST', '/register', account)
