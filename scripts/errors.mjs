// docs/errors.md: every failure that leaves lms-bridge, with its meaning and the next step. The tags are those of the code:
// a tag without a row fails, and so does a row without a tag.
import { readdir, readFile } from "node:fs/promises"
import { inRoot } from "./workspace.mjs"

/** By subject: tag, when it occurs, what to do. */
const subjects = {
  "LM Studio": {
    LmStudioUnreachable: [
      "nothing answers at the address, or something other than LM Studio does; if LM Studio answered before, lms-bridge has waited for it",
      "start LM Studio's server; check host, port, base URL"
    ],
    Unauthorized: ["LM Studio requires an API token, or refuses the one it got", "set `LM_API_TOKEN`, or correct it"],
    RequestRejected: [
      "LM Studio understood the request and refused it, or lms-bridge did not send it",
      "the message has LM Studio's words and the name of what it refused; correct that"
    ],
    RequestTimeout: [
      "LM Studio did not connect, answer or go on in time",
      "the message names the limit that can be raised"
    ],
    StreamCut: [
      "the connection broke before the reply was whole",
      "`models ps` shows whether the model is still there; then try again"
    ],
    ServerFault: [
      "LM Studio itself failed: its engine, its store, or a tool call that it could not read",
      "the message has its words and what helps"
    ],
    ReplyMalformed: ["the reply is not what the route promises", "`doctor` shows which server and version answers"],
    Unsupported: ["this server does not offer the operation", "the message says what to use in its place"],
    CircuitOpen: [
      "calls failed several times in a row, and lms-bridge makes no more for a while",
      "wait as long as the message says, or `doctor`"
    ],
    Overloaded: [
      "more is asked for than may wait for a model or a server, or than one client may ask in a minute; nothing was done",
      "wait as long as the message says; the setting that it names allows more"
    ],
    LmsCliError: [
      "an `lms` command failed, is missing, or hung",
      "the message has its output; `LMS_BRIDGE_LMS_BINARY` names the program"
    ]
  },
  Backups: {
    BackupFailed: [
      "`backup` cannot write its file, or `restore` cannot read it, or it is none",
      "the message names the file and says why; nothing was restored"
    ]
  },
  Models: {
    ModelNotFound: ["no such model; the message lists the nearest names", "`models ls`"],
    AliasUnknown: ["the name is none of `aliases` in the settings; the message lists them", "`models switch --status`"],
    SwitchFailed: [
      "`models switch` could not put the new model behind the alias; the old one still has the name",
      "the message says why: no memory, runs that do not end, or a model that does not answer"
    ],
    ModelUnfit: [
      "the named model cannot do what is asked: see images, embed text, or chat; the message lists models that can",
      "omit the name, or name one of these"
    ],
    NoModelLeft: [
      "neither the model of a task nor any of its `fallback` can be had, or they kept failing; the message has the reason of each",
      "name one that can: `models ls`"
    ],
    ModelNotLoaded: ["the model is on disk but not in memory, and the operation loads none", "`models ensure NAME`"],
    ModelLoadRefused: [
      "the model would not fit in memory, or llama.cpp's router has no free place for it; the message has the server's words and figures",
      "unload other models, use a smaller context or a smaller model; `--models-max` of the router"
    ],
    ModelLoadFailed: [
      "the load began and failed, or loaded something other than what was asked for",
      "`doctor`, LM Studio's runtime log"
    ],
    ModelCrashed: [
      "the model crashed or was unloaded during a request, and again after one reload",
      "`models ensure NAME`"
    ],
    ModelInUse: [
      "the model is at work, leased by a run, or loaded by a person, so it is not unloaded",
      "wait, or force it"
    ],
    UnloadNotVerified: ["the model was to be unloaded and is still listed", "`models ps`; unload it in LM Studio"],
    ModelDownloadFailed: [
      "a download failed or is paused, or LM Studio does not list the model it has downloaded",
      "look at LM Studio's Downloads panel"
    ],
    WrongModelAnswered: [
      "another model than the requested one answered",
      "load the requested model first: `models ensure NAME`"
    ],
    TemplateRefused: [
      "the model's chat template refuses the conversation, in every form that was tried",
      "another build of the model, or another prompt template in LM Studio"
    ]
  },
  Context: {
    ContextOverflow: [
      "LM Studio says that the conversation is longer than the loaded context",
      "`models ensure NAME --context-length N`"
    ],
    ContextBudgetExceeded: [
      "lms-bridge does not send a request that cannot fit the loaded context; the message has the figures",
      "the context that the message names, a shorter task, or fewer tools"
    ],
    ContextFixed: [
      "more context is asked for than llama.cpp's router gives the model, and a load cannot change that",
      "start llama-server with a larger `-c`, or set `ctx-size` in its preset file"
    ]
  },
  "What the model replied": {
    EmptyReply: [
      "the model said nothing and called no tool, again after it was asked once more",
      "another model, or the task in other words"
    ],
    OnlyReasoning: [
      "the model thought and gave no answer, or its thinking did not end before the reply was full",
      "a larger context or more tokens for the reply, less thinking, or another model"
    ],
    CallNotReadable: [
      "a tool call in the text of the reply could not be read, even after the model was told what is wrong",
      "try again, or a model that is trained for tool use"
    ],
    ReplyRepeats: ["the model repeated the same words endlessly, so its reply was stopped", "another model"],
    NotDone: [
      "the last change failed and no later call made up for it, or no tool on offer can do what is asked, whatever the answer says; the answer is given with this warning",
      "look at what is there, then try again or use a larger model"
    ],
    NothingFound: [
      "no call found anything, or nothing that was read has what the answer is about; it is given with this warning",
      "check it, or ask in more exact words"
    ],
    AnswerNotValid: [
      "the answer does not fit the JSON Schema that was given for it",
      "a simpler schema, or another model; the last answer is kept"
    ],
    ToolsRefused: [
      "LM Studio rejects the definition of a tool; a run omits the tool and continues",
      "correct the schema of the tool"
    ]
  },
  "MCP servers": {
    McpConfigInvalid: ["a configuration file is missing, unreadable or invalid", "the message names file and line"],
    McpServerNotFound: ["no server has the name", "the message lists the nearest names, or all"],
    McpEntryUnusable: [
      "the entry is disabled, invalid, lacks a variable, or is lms-bridge itself",
      "the message names file, line and what to change"
    ],
    McpServerUnavailable: ["a server did not start, or went away", "the message has the end of its output"],
    McpCallFailed: ["a tool call was not answered, or the server does not know the tool", "the message says which"],
    McpReadFailed: [
      "a resource or prompt of a server does not exist, or was not delivered",
      "the message names the command that lists what exists"
    ],
    McpLockFailed: [
      "`mcp.lock` cannot be read or written; the tools it guards are withheld meanwhile",
      "restore it, or delete it and run `lms-bridge mcp lock`"
    ],
    McpNotLockable: ["a server that no file lists has no place for a lock", "add it to an mcp.json first"],
    McpLoginFailed: ["a login to a remote MCP server failed", "the message quotes whoever refused"],
    SamplingRefused: [
      "a server wanted the model to write something, and it was not allowed or failed; only the server is told",
      "allow it for that server, if you want it"
    ],
    ClientFileError: [
      "the file of another program could not be changed; nothing was written",
      "the message names file and line"
    ]
  },
  Runs: {
    NoSuchTool: ["no server of the run has a tool that was asked for", "the message lists the nearest names"],
    SkillNotFound: ["no skill has a name that was asked for", "the message lists the nearest names"],
    RunNotFound: ["no kept run has the id", "`runs ls`, or `run_status` without an id"],
    RunAmbiguous: ["several runs begin with these characters", "give more of the id"],
    DatabaseUnavailable: [
      "the database in which several machines share their runs does not answer, or refuses",
      "correct `LMS_BRIDGE_DATABASE_URL`, or start PostgreSQL"
    ],
    HostTaken: ["a worker with this name is there already", "set another `LMS_BRIDGE_HOST_NAME`, or stop that worker"],
    HostNotFound: ["no machine with this name carries runs out; the message lists those that do", "`hosts ls`"],
    Cancelled: ["somebody cancelled the run", "`runs resume` goes on with it"],
    GivenUp: ["several machines began the run and each was lost with it", "`runs show` has how far it came"],
    NothingAsked: ["the run does not wait for an answer", "`runs ls --status waiting`"],
    PortTaken: ["`worker --port` cannot listen there", "choose another port"],
    RunTakenOver: [
      "another process has the run now: this one was cut off for longer than its lease",
      "nothing; the run goes on there"
    ],
    RunInProgress: ["the run is still going on in a process", "wait for it, or stop that process"],
    TimeIsUp: [
      "the model did not finish its reply before the time of the run was over",
      "`runs resume` with a larger `--timeout`"
    ],
    Interrupted: [
      "the run was stopped, or its process ended",
      "`runs resume`; over MCP `run_start` with `follows` and no task"
    ],
    RunFailed: ["the run ended without saying how", "`runs show`; over MCP `run_result`"],
    PolicyInvalid: ["the policy file cannot be used, so nothing runs", "correct it, or unset `LMS_BRIDGE_POLICY`"],
    TokenMissing: ["a task on GitHub has no token", "set `GITHUB_PERSONAL_ACCESS_TOKEN`"],
    CassetteInvalid: ["a file is not the recording of a run", "make one with `run --record FILE`"],
    MetricsNotRead: [
      "`metrics` got none from the address that it was given",
      "start `serve --http --port N` and name that address; check the token"
    ],
    CannotBeDone: [
      "a tool of `models bench` cannot do what the model asks of it; the model is told why",
      "nothing: to see what it does then is part of the bench"
    ],
    EvalTasksInvalid: [
      "files of an eval are no tasks, or there are none; the message names each with its key",
      "correct them; `eval --schema` prints what a task may say"
    ],
    EvalCheckImpossible: [
      "the check of a task cannot be carried out: its program is missing or does not end, a file cannot be read, the judge did not decide",
      "correct the check; the model is not to blame"
    ],
    EvalRecordingUnfit: [
      "an eval has no recording of a trial with these settings, or one of another task, or the run differs from it",
      "`eval DIR --record DIR` makes it again"
    ],
    CassetteNotWritten: [
      "the recording of a run cannot be written",
      "give `--record` a file in a folder that you may write to"
    ],
    ReplayDiffers: ["a replayed run did other things than the recorded one", "the message lists the differences"],
    ArtifactNotFound: ["a stored result of a run is not there any more", "`run_result`, or run the task again"]
  },
  "This machine": {
    InternalError: ["lms-bridge made a mistake", "the log on stderr has the details; please report it"],
    SettingsInvalid: ["a variable has a value that cannot be used", "the message lists each with what is allowed"],
    ImageRefused: [
      "an image is missing, too large, not an image, or at an address that is not public",
      "the message says which"
    ],
    FileTooLarge: ["a file is too large to be read", "give a smaller one"],
    FolderRefused: [
      "a working folder is missing, not a folder, a system folder, another user's, or a folder of keys",
      "name the folder that the task is about, or set `WORKING_DIR`"
    ],
    DataFolderUnwritable: [
      "the data folder cannot be written, so runs cannot be kept; the message has the cause",
      "set `LMS_BRIDGE_DATA_DIR`"
    ]
  },
  "The adapters": {
    Refused: [
      "the page asks for what is not there, or not possible now",
      "the page shows the message; its data is read anew"
    ],
    InvalidInput: [
      "the arguments of an MCP tool are missing, unknown or of the wrong kind",
      "the message names each; correct the call"
    ],
    UsageError: ["the options of a command do not fit together", "the message says which; `--help` of the command"],
    HttpNotServed: ["`serve --http` cannot listen", "another port; the message has the cause"],
    TransportFailed: ["the connection to the MCP client failed", "start the client's session again"],
    OutputFailed: ["the answer cannot be written to stdout", "the message has the cause"]
  }
}

/** Never leave their adapter: they end the program with an exit code, without words. */
const silent = ["Ended", "OutputClosed"]

/** The page, or an error that names what has no row, or no longer exists. */
export const page = async () => {
  const known = Object.values(subjects).flatMap((rows) => Object.keys(rows))
  const tags = await tagsOfCode()
  const lacking = tags.filter((tag) => !known.includes(tag) && !silent.includes(tag))
  const gone = [...known, ...silent].filter((tag) => !tags.includes(tag))
  const empty = Object.values(subjects).flatMap((rows) =>
    Object.entries(rows).flatMap(([tag, [meaning, next]]) => (meaning && next ? [] : [tag]))
  )
  if (lacking.length + gone.length + empty.length > 0) {
    const say = (list, what) => (list.length === 0 ? "" : `\n${what}: ${list.join(", ")}`)
    throw new Error(
      `scripts/errors.mjs does not fit the code.${say(lacking, "no meaning and next step for")}${say(gone, "no such tag in the code")}${say(empty, "an empty cell for")}`
    )
  }
  return [
    head,
    ...Object.entries(subjects).flatMap(([subject, rows]) => [
      `## ${subject}`,
      "",
      "| tag | when | what to do |",
      "| --- | --- | --- |",
      ...Object.entries(rows).map(([tag, [meaning, next]]) => `| \`${tag}\` | ${meaning} | ${next} |`),
      ""
    ]),
    "[resilience.md](resilience.md) shows what the user sees for each failure.",
    ""
  ].join("\n")
}

const head = `# Errors

A failure has a stable tag, facts, and a message that says what to do next. The command line prints the message as one line on
stderr and exits with a code from the README's table. An MCP tool sets \`isError\` and returns \`_tag\`, \`message\` and \`retryable\` in
its structured content. The library fails with the error itself. Only retryable failures are retried, as \`LMS_BRIDGE_RETRIES\` and
the related variables say, and never after output was delivered. Names of commands below are those of \`lms-bridge\`.

All tags are here: \`npm run docs\` writes this page from the code, and fails when one is missing.
`

/** Errors with a schema are what a caller sees; the rest are of the inside. The problems of a run are plain data. */
const tagsOfCode = async () => {
  const folders = ["core", "cluster", "mcp-server", "cli"].map((name) => inRoot("packages", name, "src"))
  const files = (
    await Promise.all(folders.map((folder) => readdir(folder, { recursive: true, withFileTypes: true })))
  ).flatMap((entries) => entries.filter((entry) => entry.isFile() && entry.name.endsWith(".ts")))
  const texts = await Promise.all(
    files.map(({ name, parentPath, path }) => readFile(`${parentPath ?? path}/${name}`, "utf8"))
  )
  const patterns = [/Schema\.TaggedError<\w+>\(\)\(\s*"(\w+)"/g, /\btag: "([A-Z]\w+)"/g, /_tag: "(InvalidInput)"/g]
  const found = texts.flatMap((text) =>
    patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, tag]) => tag))
  )
  return [...new Set(found)].toSorted()
}
