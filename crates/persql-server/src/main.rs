//! The program: `persql-server`, and `persql-server token` for its tokens.

use std::{net::SocketAddr, path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand, ValueEnum};
use persql_server::{Config, Durability, Error, Limits, Result, Role, Server, Tokens};

/// Serves the HTTP API of PerSQL from a directory of SQLite files.
#[derive(Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Args)]
struct Serve {
    /// Where the databases and the tokens are kept
    #[arg(long, default_value = "./data")]
    data_dir: PathBuf,
    /// Where to listen
    #[arg(long, default_value = "127.0.0.1:8787")]
    listen: SocketAddr,
    /// What an acknowledged write survives: `full` a power cut, `normal` the end of the process
    #[arg(long, value_enum, default_value_t = Survives::Full)]
    durability: Survives,
    /// How many requests one address may send in a minute [default: as many as it likes]
    #[arg(long)]
    requests_a_minute: Option<u32>,
    /// The namespace of the token that the first start prints
    #[arg(long, default_value = "local")]
    namespace: String,
}

#[derive(Clone, Copy, ValueEnum)]
enum Survives {
    Full,
    Normal,
}

#[derive(Subcommand)]
enum Command {
    /// Makes, lists and revokes tokens, also while the server runs
    Token {
        #[command(subcommand)]
        action: TokenCommand,
    },
}

#[derive(Subcommand)]
enum TokenCommand {
    /// Makes a token and prints it: its only copy
    Create {
        /// The namespace that it belongs to
        namespace: String,
        /// What it allows
        #[arg(long, value_enum, default_value_t = Allows::Admin)]
        role: Allows,
        /// The server's directory
        #[arg(long, default_value = "./data")]
        data_dir: PathBuf,
    },
    /// Lists the tokens, without what is secret of them
    List {
        /// The server's directory
        #[arg(long, default_value = "./data")]
        data_dir: PathBuf,
    },
    /// Makes a token worthless
    Revoke {
        /// The token's id, from the list
        id: String,
        /// The server's directory
        #[arg(long, default_value = "./data")]
        data_dir: PathBuf,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum Allows {
    Readonly,
    Readwrite,
    Admin,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    // A log that nobody reads any more is no reason to stop.
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).log_internal_errors(false).init();
    let outcome = match arguments.command {
        None => serve(arguments.serve),
        Some(Command::Token { action }) => token(action),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("persql-server: {error:?}");
            ExitCode::FAILURE
        }
    }
}

fn serve(serve: Serve) -> Result<()> {
    let durability = match serve.durability {
        Survives::Full => Durability::Full,
        Survives::Normal => Durability::Normal,
    };
    let mut limits = Limits::default();
    limits.requests_a_minute = serve.requests_a_minute;
    // The other half is for the databases.
    limits.connections = limits.connections.min(descriptors() / 2);
    let config = Config::new(serve.data_dir).listen(serve.listen).durability(durability).limits(limits);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(no_runtime)?;
    runtime.block_on(async {
        let server = Server::bind(config).await?;
        if server.tokens().list()?.is_empty() {
            let token = server.tokens().create(&serve.namespace, Role::Admin)?;
            // A line for a shell, and the only copy.
            println!(
                "export PERSQL_API_URL=http://{} PERSQL_DATABASE={}/chat PERSQL_TOKEN={token}",
                server.address(),
                serve.namespace
            );
        }
        server.serve(stopped()).await;
        Ok(())
    })
}

fn word(role: Role) -> &'static str {
    match role {
        Role::Read => "readonly",
        Role::Write => "readwrite",
        _ => "admin",
    }
}

fn no_runtime(error: std::io::Error) -> Error {
    Error::new(persql_server::ErrorKind::Unavailable, "no runtime could be started").with_source(error)
}

/// How many descriptors this process may have, now that it has asked for as many as it can get: what a shell gives is
/// meant for programs that open a few files.
fn descriptors() -> usize {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
        let limit = if raised.is_ok() { maximum } else { current };
        limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX))
    }
    #[cfg(not(unix))]
    usize::MAX
}

/// Until somebody presses Ctrl-C or the system asks the process to end.
async fn stopped() {
    let interrupted = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupted => {}
                _ = terminated.recv() => {}
            }
            return;
        }
    }
    drop(interrupted.await);
}

fn token(action: TokenCommand) -> Result<()> {
    match action {
        TokenCommand::Create { namespace, role, data_dir } => {
            let role = match role {
                Allows::Readonly => Role::Read,
                Allows::Readwrite => Role::Write,
                Allows::Admin => Role::Admin,
            };
            println!("{}", Tokens::open(&data_dir)?.create(&namespace, role)?);
        }
        TokenCommand::List { data_dir } => {
            for token in Tokens::open(&data_dir)?.list()? {
                let of_branch = if token.of_branch { " (a branch)" } else { "" };
                println!("{}  {}  {}{of_branch}", token.id, token.namespace, word(token.role));
            }
        }
        TokenCommand::Revoke { id, data_dir } => {
            if !Tokens::open(&data_dir)?.revoke(&id)? {
                return Err(Error::invalid("there is no token of this id"));
            }
        }
    }
    Ok(())
}
