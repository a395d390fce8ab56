// What must hold of the structure (docs/architecture.md): small folders and files, no circle, no arrow that runs up, public
// modules that are named, and rules of the loop that stand alone. Each is a check that is counted.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { dirname, join, relative, resolve } from "node:path"
import { startSuite } from "./checks.mjs"
import { inRoot, packages } from "./workspace.mjs"

const limits = { files: 16, lines: 400, evolve: 25 }

/**
 * The rooms of core, from the ground up: a room may take from those before it and from itself. A module that stands lower
 * than its room (schemas that many share) or higher (a service, over everything in its rooms) has a line of its own.
 */
const storeys = [
  "json schema internal names",
  "configuration",
  "observability",
  "machine",
  "resilience",
  "skills",
  "lmstudio/words lmstudio/Chat lmstudio/ApiModel lmstudio/ApiRequests",
  "lmstudio/wire",
  "lmstudio lmstudio/lms/Messages",
  "lmstudio/lms lmstudio/http",
  "lmstudio/LmsCli lmstudio/LmStudioApi",
  "images",
  "models",
  "models/catalog",
  "models/ledger",
  "models/leases/AdmissionQueue models/leases/Leases",
  "models/loading",
  "models/leases models/ledger/Reaper",
  "models/loading/Lifecycle",
  "models/aliases",
  "models/ModelLifecycle",
  "models/catalog/Embedder models/ContextFit models/ModelSwitch",
  "models/hosts",
  "mcp/config/Launch mcp/config/Origin mcp/login/StoredLogin mcp/connection/CachedList",
  "mcp mcp/lock/ToolLock mcp/lock/ToolLockError",
  "mcp/redaction",
  "mcp/dialects",
  "mcp/transport/ChildEnvironment mcp/transport/NetworkVariables",
  "mcp/config",
  "mcp/ServerSummary",
  "mcp/install",
  "mcp/lock",
  "mcp/reading",
  "mcp/login",
  "mcp/transport",
  "mcp/connection",
  "mcp/McpRegistry",
  "agent/schema",
  "agent",
  "agent/policy/ToolTraits",
  "agent/shapes",
  "agent/rules/AgentEvent agent/rules/AgentState",
  "agent/tools",
  "agent/forms",
  "agent/policy",
  "agent/rules",
  "registry/Evidence registry/FormByEvidence",
  "registry/probe",
  "registry",
  "runs",
  "agent/AgentError",
  "agent/run",
  "agent/AgentLoop agent/Session",
  "runs/recording",
  "agent/presets",
  "backup",
  "evals",
  "evals/bench",
  "."
].map((line) => line.split(" "))

const filesIn = (folder) =>
  (existsSync(folder) ? readdirSync(folder) : []).flatMap((name) => {
    const path = join(folder, name)
    return statSync(path).isDirectory() ? filesIn(path) : path.endsWith(".ts") ? [path] : []
  })

const files = packages.flatMap((name) => filesIn(inRoot("packages", name, "src")))
const shown = (file) => relative(inRoot(), file)

const manifests = new Map(
  packages.map((name) => [name, JSON.parse(readFileSync(inRoot("packages", name, "package.json"), "utf8"))])
)

/** What each package opens: the name of a module, and its file. */
const publicOf = new Map(
  [...manifests].map(([name, { exports }]) => {
    const modules = Object.entries(exports).filter(([entry]) => entry !== "./package.json" && entry !== ".")
    return [
      name,
      new Map(
        modules.map(([entry, { "@lms-bridge/source": file }]) => [
          entry.slice(2),
          file && inRoot("packages", name, file)
        ])
      )
    ]
  })
)

/** Imports and re-exports, types included; `type` where nothing of it is there at run time. */
const statement = /^(?:import|export)\s+(type\s+)?(?:[^"';]*?\sfrom\s+)?"([^"]+)"/gm
const arrows = new Map(
  files.map((file) => [
    file,
    [...readFileSync(file, "utf8").matchAll(statement)].flatMap(([, type, to]) => {
      if (to.startsWith(".")) return [{ to: resolve(dirname(file), to), type: type !== undefined }]
      const [, name, module] = /^@lms-bridge\/([^/]+)\/(.+)$/.exec(to) ?? []
      return name === undefined ? [] : [{ to: publicOf.get(name)?.get(module), type: type !== undefined }]
    })
  ])
)

const reached = (from, follow) => {
  const seen = new Set()
  const go = (file) => {
    if (seen.has(file) || !arrows.has(file)) return
    seen.add(file)
    for (const arrow of arrows.get(file)) if (follow(arrow)) go(arrow.to)
  }
  go(from)
  return seen
}

const folders = new Map()
for (const file of files) folders.set(dirname(file), (folders.get(dirname(file)) ?? 0) + 1)

const roomOf = (file) => {
  const inCore = relative(inRoot("packages", "core", "src"), dirname(file))
  return inCore.startsWith("..") ? undefined : inCore === "" ? "." : inCore
}
const moduleOf = (file) => relative(inRoot("packages", "core", "src"), file).replace(/\.ts$/, "")
const placeOf = (wanted) => storeys.findIndex((line) => line.includes(wanted))
const storeyOf = (file) => (placeOf(moduleOf(file)) === -1 ? placeOf(roomOf(file)) : placeOf(moduleOf(file)))

const circles = () => {
  const order = new Map()
  const low = new Map()
  const stack = []
  const found = []
  const visit = (file) => {
    order.set(file, order.size)
    low.set(file, order.get(file))
    stack.push(file)
    for (const { to } of arrows.get(file)) {
      if (!arrows.has(to)) continue
      if (!order.has(to)) visit(to)
      if (stack.includes(to)) low.set(file, Math.min(low.get(file), low.get(to)))
    }
    if (low.get(file) !== order.get(file)) return
    const circle = stack.splice(stack.indexOf(file))
    if (circle.length > 1) found.push(circle.map(shown).join(" ↔ "))
  }
  for (const file of files) if (!order.has(file)) visit(file)
  return found
}

const up = () => {
  const core = files.filter((file) => roomOf(file) !== undefined)
  const there = new Set(core.flatMap((file) => [roomOf(file), moduleOf(file)]))
  return [
    ...storeys.flat().flatMap((name) => (there.has(name) ? [] : [`${name} has a storey and is not there`])),
    ...core.flatMap((file) =>
      storeyOf(file) === -1
        ? [`${shown(file)} has no storey; give its room one in scripts/structure.mjs`]
        : arrows
            .get(file)
            .flatMap(({ to }) =>
              core.includes(to) && storeyOf(to) > storeyOf(file) ? [`${shown(file)} → ${shown(to)}`] : []
            )
    )
  ]
}

const used = /(?:from |import\()"@lms-bridge\/([^/"]+)\/([^"]+)"/g

/** No pattern opens what it does not name; what lies in core/src itself is public, and what lies in its rooms is not. */
const unnamed = () => [
  ...[...publicOf].flatMap(([name, modules]) =>
    [...modules].flatMap(([module, file]) =>
      files.includes(file) ? [] : [`packages/${name} opens ${module}, which is not one module`]
    )
  ),
  ...files
    .filter((file) => roomOf(file) === "." && ![...publicOf.get("core").values()].includes(file))
    .map((file) => `${shown(file)} is not in the exports of its package`),
  ...["index.js", "index.d.ts"].flatMap((root) => {
    const all = readFileSync(inRoot("packages", "core", root), "utf8")
    return [...publicOf.get("core").keys()].flatMap((module) =>
      all.includes(`"./dist/${module}.js"`) ? [] : [`packages/core/${root} lacks ${module}`]
    )
  }),
  ...[...files, ...packages.flatMap((name) => filesIn(inRoot("packages", name, "test")))].flatMap((file) =>
    [...readFileSync(file, "utf8").matchAll(used)].flatMap(([, name, module]) =>
      publicOf.get(name)?.has(module) ? [] : [`${shown(file)} takes ${name}/${module}, which its package does not name`]
    )
  )
]

const taken =
  /^(?:import|export)\s+(?:[^"';]*?\sfrom\s+)?"((?:@[\w-]+\/)?[\w.-]+)["/]|import\("((?:@[\w-]+\/)?[\w.-]+)["/]/gm

/**
 * Whatever the tests use is in node_modules of the workspace too, where the compiler would find it for the sources. A package
 * without dependencies is a bundle of what it is developed with.
 */
const undeclared = () =>
  [...manifests].flatMap(([name, { devDependencies, dependencies = devDependencies }]) =>
    filesIn(inRoot("packages", name, "src")).flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(taken)]
        .map(([, fixed, later]) => fixed ?? later)
        .filter((needed) => !needed.startsWith(".") && dependencies[needed] === undefined)
        .map((needed) => `${shown(file)} takes ${needed}, which its package does not depend on`)
    )
  )

/** What the sources of each package may take from the others: the arrows of docs/architecture.md. */
const beneath = {
  core: [],
  page: [],
  node: ["core"],
  testing: ["core"],
  telemetry: ["core"],
  simulator: ["core"],
  cluster: ["core"],
  "mcp-server": ["core", "node", "page", "telemetry"],
  cli: ["core", "node", "page", "telemetry", "simulator", "cluster", "mcp-server"]
}

const aslant = () =>
  packages.flatMap((name) =>
    filesIn(inRoot("packages", name, "src")).flatMap((file) =>
      [...readFileSync(file, "utf8").matchAll(used)].flatMap(([, other]) =>
        other === name || beneath[name]?.includes(other) ? [] : [`${shown(file)} takes from ${other}`]
      )
    )
  )

/** The folders that the tree in docs/architecture.md draws, by its indentation. */
const drawn = () => {
  const [, tree] = readFileSync(inRoot("docs/architecture.md"), "utf8").split("```")
  const path = []
  return [...tree.matchAll(/^( *)([\w/-]+)\/(?: |$)/gm)].map(([, { length }, name]) => {
    path.splice(length / 2, path.length, name)
    return path.join("/")
  })
}

const undrawn = () => {
  const inTree = new Set(drawn())
  const inSources = new Set([...folders.keys()].map(shown))
  return [
    ...[...inSources]
      .filter((folder) => !inTree.has(folder))
      .map((folder) => `${folder} is not in docs/architecture.md`),
    ...[...inTree]
      .filter(
        (folder) => folder.includes("/src") && ![...inSources].some((real) => `${real}/`.startsWith(`${folder}/`))
      )
      .map((folder) => `docs/architecture.md draws ${folder}, which is not there`)
  ]
}

/** Calls of Effect's `unsafe…` functions in core, beside the table of docs/architecture.md that says why. */
const unsafe = () => {
  const told = new Map(
    [...readFileSync(inRoot("docs/architecture.md"), "utf8").matchAll(/^\| `([\w/]+\.ts)` \| (\d+) \| \w/gm)].map(
      ([, file, count]) => [`packages/core/src/${file}`, Number(count)]
    )
  )
  const found = new Map(
    files
      .filter((file) => roomOf(file) !== undefined)
      .map((file) => [shown(file), [...readFileSync(file, "utf8").matchAll(/\.unsafe[A-Z]/g)].length])
  )
  return [...new Set([...told.keys(), ...found.keys()])].flatMap((file) =>
    (told.get(file) ?? 0) === (found.get(file) ?? 0)
      ? []
      : [`${file} has ${found.get(file) ?? 0} unsafe calls, and docs/architecture.md tells of ${told.get(file) ?? 0}`]
  )
}

const evolve = [...reached(inRoot("packages/core/src/agent/rules/Evolve.ts"), ({ type }) => !type)]

const rules = {
  [`a folder has at most ${limits.files} source files`]: [...folders].flatMap(([folder, count]) =>
    count > limits.files ? [`${shown(folder)} has ${count}`] : []
  ),
  [`a file has at most ${limits.lines} lines`]: files.flatMap((file) => {
    const lines = readFileSync(file, "utf8").split("\n").length - 1
    return lines > limits.lines ? [`${shown(file)} has ${lines}`] : []
  }),
  "every folder is drawn in docs/architecture.md": undrawn(),
  "imports make no circle, types included": circles(),
  "no arrow runs up": up(),
  "packages stand on each other in one order": aslant(),
  "every public module is named": unnamed(),
  "a package depends on what its sources take": undeclared(),
  "every unsafe call of core has its reason in docs/architecture.md": unsafe(),
  [`the rules of the loop reach at most ${limits.evolve} files`]:
    evolve.length === 0 || evolve.length > limits.evolve
      ? [`Evolve reaches ${evolve.length}: ${evolve.map(shown).join(", ")}`]
      : []
}

const suite = startSuite("structure")
for (const [rule, breaches] of Object.entries(rules))
  suite.record(rule, breaches.length === 0 ? undefined : breaches.join("\n"))
console.log(`${files.length} files in ${folders.size} folders; Evolve reaches ${evolve.length}`)
process.exit(suite.finish())
