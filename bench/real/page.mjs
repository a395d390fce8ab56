// docs/real-models.md and its plot, from results of `npm run real`: a table by model and loop, one by class, and what was used.
// Of several runs of a task, counts are medians of the runs.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname } from "node:path"
import { classes } from "./tasks/index.mjs"

/** Results of several runs as one: of the same model, loop, task and time, the last one counts. */
export const merged = (files) => {
  const parts = files.map((file) => JSON.parse(readFileSync(file, "utf8")))
  const all = new Map()
  for (const { results } of parts)
    for (const result of results) all.set([result.model, result.loop, result.task, result.time].join("\n"), result)
  return { ...parts.at(-1), results: [...all.values()] }
}

/** Writes the page, and the plot beside it in `bench/`. */
export const writePage = ({ context, engine, results, versions = {} }, page, plot) => {
  const models = distinct(results, "model")
  mkdirSync(dirname(plot), { recursive: true })
  writeFileSync(plot, bars(models.flatMap((model) => rowsOf(partsOf(results, model)[0].results, model))))
  writeFileSync(
    page,
    [
      "# What real models do",
      "",
      `Written by \`npm run real -- --page\`. Engine: ${engine}; ${context} tokens of context, temperature 0, at most 10 rounds for a task. ${versionText(versions)}`,
      "",
      "A task is *done* when what it asks for is there: the file, the entry in memory, the words of the answer. It is *called done but wrong* when the loop ends as if it were done and it is not. Tokens and seconds are the engine's own count. With several runs of the tasks, each figure is the median of the runs. The same loop differs from run to run, even at temperature 0, because the engine's cache changes the arithmetic.",
      "",
      ...(distinct(
        models.map((model) => ({ tasks: tasksOf(results, model) })),
        "tasks"
      ).length > 1
        ? ["The models were not all given the same tasks: each row says how many.", ""]
        : []),
      "![done, and called done but wrong, by model and loop](bench/real-models.svg)",
      "",
      ...models.flatMap((model) => [
        `## ${model}`,
        "",
        ...partsOf(results, model).flatMap(({ results: ofPart, title }) => [
          ...(title === "" ? [] : [`### ${title}`, ""]),
          ...section(ofPart, model)
        ])
      ])
    ].join("\n")
  )
}

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

const distinct = (results, key) => [...new Set(results.map((result) => result[key]))]

const tasksOf = (results, model) =>
  distinct(
    results.filter((result) => result.model === model),
    "task"
  ).length

const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  return sorted.length % 2 === 1 ? sorted[Math.floor(middle)] : (sorted[middle - 1] + sorted[middle]) / 2
}

const sum = (list, of) => list.reduce((total, each) => total + of(each), 0)

/** The median over the runs of what `of` says of each run. */
const overTimes = (list, of) =>
  median(distinct(list, "time").map((time) => of(list.filter((result) => result.time === time))))

const counted = {
  done: (list) => sum(list, ({ done }) => Number(done)),
  wrong: (list) => sum(list, ({ calledDoneButWrong }) => Number(calledDoneButWrong)),
  tasks: (list) => list.length,
  rounds: (list) => sum(list, ({ rounds }) => rounds),
  refused: (list) => sum(list, ({ refused }) => refused ?? 0),
  read: (list) => sum(list, ({ read }) => read),
  reused: (list) => sum(list, ({ reused }) => reused),
  written: (list) => sum(list, ({ written }) => written),
  engine: (list) => sum(list, ({ engineSeconds }) => engineSeconds),
  wall: (list) => sum(list, ({ wallSeconds }) => wallSeconds)
}

const rowsOf = (results, model) =>
  distinct(
    results.filter((result) => result.model === model),
    "loop"
  ).map((loop) => {
    const own = results.filter((result) => result.model === model && result.loop === loop)
    return {
      model,
      loop,
      own,
      times: distinct(own, "time").length,
      ...Object.fromEntries(Object.entries(counted).map(([name, of]) => [name, overTimes(own, of)]))
    }
  })

/** The tasks that every loop was given, to compare them; then all tasks, of the loops that were given more. */
const partsOf = (results, model) => {
  const own = results.filter((result) => result.model === model)
  const loops = distinct(own, "loop")
  const has = (loop, task) => own.some((result) => result.loop === loop && result.task === task)
  const all = distinct(own, "task")
  const common = all.filter((task) => loops.every((loop) => has(loop, task)))
  if (common.length === all.length || common.length === 0) return [{ title: "", results: own }]
  const longest = loops.filter((loop) => all.every((task) => has(loop, task)))
  return [
    {
      title: `The ${common.length} tasks that every loop was given`,
      results: own.filter(({ task }) => common.includes(task))
    },
    {
      title: `All ${all.length} tasks, once`,
      results: own.filter(({ loop, time }) => longest.includes(loop) && time === 1)
    }
  ].filter((part) => part.results.length > 0)
}

const section = (results, model) => {
  const rows = rowsOf(results, model)
  const whole = (value) => Math.round(value).toLocaleString("en")
  return [
    ...table(
      [
        "loop",
        "runs",
        "done",
        "called done but wrong",
        "rounds",
        "refused calls",
        "tokens read",
        "reused",
        "written",
        "engine seconds",
        "wall seconds"
      ],
      rows.map((row) => [
        row.loop,
        row.times,
        `${row.done} of ${row.tasks}`,
        row.wrong,
        ...[row.rounds, row.refused, row.read, row.reused, row.written, row.engine, row.wall].map(whole)
      ])
    ),
    "Done of the tasks of each class, and after a dash those that were called done but are wrong:",
    "",
    ...table(
      ["class", ...rows.map(({ loop }) => loop)],
      classes
        .filter((name) => rows.some(({ own }) => own.some((result) => result.class === name)))
        .map((name) => [
          name,
          ...rows.map(({ own }) => {
            const inClass = own.filter((result) => result.class === name)
            if (inClass.length === 0) return ""
            const [done, wrong, tasks] = ["done", "wrong", "tasks"].map((key) => overTimes(inClass, counted[key]))
            return `${done} of ${tasks} – ${wrong}`
          })
        ])
    )
  ]
}

const table = (head, rows) => [
  `| ${head.join(" | ")} |`,
  `| ${head.map((_, index) => (index === 0 ? "---" : "--:")).join(" | ")} |`,
  ...rows.map((row) => `| ${row.join(" | ")} |`),
  ""
]

const versionText = (versions) =>
  Object.keys(versions).length === 0
    ? ""
    : `Versions: ${Object.entries(versions)
        .map(([name, version]) => `${name} ${version}`)
        .join(", ")}.`

/** Bars from left to right: done, then called done but wrong, then ended otherwise. */
const bars = (rows) => {
  const [left, width, step] = [230, 470, 26]
  const height = rows.length * step + 40
  const colours = { done: "#2b8a3e", wrong: "#c92a2a", other: "#adb5bd" }
  const names = { done: "done", wrong: "called done but wrong", other: "ended otherwise" }
  const legend = Object.entries(names).map(
    ([key, name], index) =>
      `<rect x="${left + index * 150}" y="8" width="10" height="10" fill="${colours[key]}"/><text x="${left + 14 + index * 150}" y="17">${name}</text>`
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${left + width + 20} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    ...legend,
    ...rows.flatMap(({ done, loop, model, tasks, wrong }, index) => {
      const y = 30 + index * step
      const share = (value) => (value / tasks) * width
      const other = tasks - done - wrong
      let x = left
      const bar = (value, colour) => {
        const text = `<rect x="${x.toFixed(1)}" y="${y}" width="${share(value).toFixed(1)}" height="18" fill="${colour}"/>${value > 0 ? `<text x="${(x + 4).toFixed(1)}" y="${y + 13}" fill="#ffffff">${value}</text>` : ""}`
        x += share(value)
        return text
      }
      return [
        `<text x="${left - 8}" y="${y + 13}" text-anchor="end">${model}, ${loop}</text>`,
        bar(done, colours.done),
        bar(wrong, colours.wrong),
        bar(other, colours.other)
      ]
    }),
    "</svg>",
    ""
  ].join("\n")
}
