// The page: log in, choose a project, tick tasks off, attach files.
import version from './version.json'
import {api, blob, login, register, signedIn, signOut} from './api.js'

const find = id => document.getElementById(id)
let current = null

function element(tag, properties, ...children) {
  const made = Object.assign(document.createElement(tag), properties)
  made.append(...children)
  return made
}

// Runs what a click or key asked for and shows what went wrong.
function act(work) {
  return async event => {
    event?.preventDefault()
    find('notice').hidden = true
    try {
      await work(event)
    } catch (error) {
      find('notice').textContent = error.message
      find('notice').hidden = false
    }
  }
}

async function enter(event) {
  const account = Object.fromEntries(new FormData(event.target))
  if (event.submitter.name === 'register') await register(account)
  await login(account)
  await show()
}

async function show() {
  find('door').hidden = signedIn()
  find('board').hidden = find('leave').hidden = !signedIn()
  if (!signedIn()) return
  const projects = await api('GET', '/projects')
  current = projects.find(project => project.id === current?.id) ?? projects[0] ?? null
  find('projects').replaceChildren(...projects.map(projectItem))
  find('project-title').textContent = current?.title ?? 'Make your first project'
  find('new-task').hidden = current === null
  const tasks = current ? await api('GET', `/projects/${current.id}/tasks`) : []
  find('tasks').replaceChildren(...await Promise.all(tasks.map(taskItem)))
}

function projectItem(project) {
  const item = element('li', {textContent: project.title, onclick: act(() => { current = project; return show() })})
  if (project.id === current?.id) item.setAttribute('aria-current', 'true')
  return item
}

async function taskItem(task) {
  const path = `/tasks/${task.id}`
  const {attachments = []} = await api('GET', path)
  const tick = element('input', {type: 'checkbox', checked: task.done,
    onchange: act(async () => { await api('POST', path, {...task, done: !task.done}); await show() })})
  const title = element('span', {className: task.done ? 'title done' : 'title', textContent: task.title})
  const remove = element('button', {className: 'quiet', textContent: 'Delete',
    onclick: act(async () => { await api('DELETE', path); await show() })})
  return element('li', {}, tick, title, ...attachments.map(attachmentLink), upload(path), remove)
}

function attachmentLink({id, task_id, file}) {
  const open = act(async () => window.open(URL.createObjectURL(await blob(`/tasks/${task_id}/attachments/${id}`))))
  return element('a', {href: '#', textContent: file.name, onclick: open})
}

function upload(path) {
  const choose = element('input', {type: 'file', onchange: act(async event => {
    const form = new FormData()
    form.append('files', event.target.files[0])
    const {errors} = await api('PUT', `${path}/attachments`, form)
    await show()
    if (errors.length) throw new Error(errors[0].message)
  })})
  return element('label', {}, '📎', choose)
}

const create = path => async event => {
  await api('PUT', path(), {title: event.target.elements.title.value})
  event.target.reset()
  await show()
}

find('version').textContent = version.VERSION
find('door').onsubmit = act(enter)
find('new-project').onsubmit = act(create(() => '/projects'))
find('new-task').onsubmit = act(create(() => `/projects/${current.id}/tasks`))
find('leave').onclick = act(() => { signOut(); return show() })
act(show)()
