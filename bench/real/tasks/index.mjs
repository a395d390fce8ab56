// All tasks, by class. `many`: with every server and a long list of further tools on offer, 97 in all.
import * as files from "./files.mjs"
import * as others from "./others.mjs"

const inClass = (name, tasks, more = {}) =>
  tasks.map((task) => ({ files: {}, memory: [], ...task, ...more, class: name }))

export const tasks = [
  ...inClass("one named call", [...files.named, ...others.named]),
  ...inClass("one call by description", [...files.described, ...others.described]),
  ...inClass("one of 97 tools", files.amongMany, {
    many: true,
    servers: ["filesystem", "memory", "everything", "git", "time", "office"]
  }),
  ...inClass("a chain of 2 to 5", [...files.chains, ...others.chains]),
  ...inClass("several servers", others.several),
  ...inClass("nothing to call", others.nothing),
  ...inClass("an answer by a schema", [...files.bound, ...others.bound]),
  ...inClass("a mistake to recover from", [...files.mistakes, ...others.mistakes]),
  ...inClass("a result too large", files.large),
  ...inClass("a page", others.pages),
  ...inClass("cannot be done", [...files.impossible, ...others.impossible])
]

export const classes = [...new Set(tasks.map((task) => task.class))]

/** By id, by class or by a number of tasks spread evenly; undefined is all. */
export const chosen = (choice) => {
  if (choice === undefined) return tasks
  if (/^\d+$/.test(choice)) {
    const count = Math.min(Number(choice), tasks.length)
    return Array.from({ length: count }, (_, index) => tasks[Math.floor((index * tasks.length) / count)])
  }
  const words = choice.split(",").map((word) => word.trim())
  const found = tasks.filter((task) => words.includes(task.id) || words.includes(task.class))
  const unknown = words.filter((word) => !tasks.some((task) => task.id === word || task.class === word))
  if (unknown.length > 0)
    throw new Error(`no task or class is called ${unknown.join(", ")}; classes: ${classes.join("; ")}`)
  return found
}
