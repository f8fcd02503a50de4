//! What the suites need, below `target/peers`: virtual environments, the frameworks' sources, our crates as a module.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{
    modes::Mode,
    suites::{Suite, Tests},
};
use crate::failure::{Failure, Outcome};
use crate::files;
use crate::process::{cargo, program, run};
use crate::workspace::Workspace;

/// The directory of the bridge.
const BRIDGE: &str = "tests/peers";

/// How our module is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Profile {
    Debug,
    Release,
}

/// The prepared places.
#[derive(Debug)]
pub(super) struct Place {
    bridge: PathBuf,
    /// `target/peers`.
    root: PathBuf,
}

/// What one run of a suite leaves.
#[derive(Debug)]
pub(super) struct Run {
    /// How each test went, told by the run itself.
    pub(super) results: PathBuf,
    /// Everything that was printed.
    pub(super) log: PathBuf,
}

impl Place {
    /// Builds the module. Environments are made when a suite needs them.
    pub(super) fn prepare(workspace: &Workspace, profile: Profile) -> Outcome<Self> {
        let place = Self { bridge: workspace.root.join(BRIDGE), root: workspace.target.join("peers") };
        // The same directory as the workspace's: what both depend on is compiled once.
        let (directory, release) = match profile {
            Profile::Debug => ("debug", None),
            Profile::Release => ("release", Some("--release")),
        };
        run(cargo(&place.bridge).arg("build").args(release).arg("--target-dir").arg(&workspace.target))?;
        let library = format!("{}persql_native{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
        let module = if cfg!(windows) { "persql_native.pyd" } else { "persql_native.abi3.so" };
        let built = workspace.target.join(directory).join(library);
        let bytes = fs::read(&built).map_err(|cause| Failure::at(&built, cause))?;
        let module = place.root.join("lib").join(module);
        // A new file, not new contents: a Python that still runs keeps the old one.
        if fs::read(&module).is_ok_and(|present| present != bytes) {
            fs::remove_file(&module).map_err(|cause| Failure::at(&module, cause))?;
        }
        files::write_if_changed(&module, &bytes)?;
        Ok(place)
    }

    /// A place below `target/peers`.
    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// The directory that the suite's tests are in; `None` if they are in a checkout that is not there.
    pub(super) fn tests(&self, suite: &Suite, checkouts: Option<&Path>) -> Outcome<Option<PathBuf>> {
        match suite.tests {
            Tests::Installed => Ok(Some(self.root.clone())),
            Tests::Source(package) => self.source(suite.framework, package).map(Some),
            Tests::Checkout(repository, directory) => {
                Ok(checkouts.map(|all| all.join(repository).join(directory)).filter(|tests| tests.is_dir()))
            }
            Tests::Ours => Ok(Some(self.bridge.join("python"))),
        }
    }

    /// Python in the suite's environment, which finds our module, our classes and the suite's tests.
    pub(super) fn python(&self, suite: &Suite, tests: &Path) -> Outcome<Command> {
        let mut python = program(&self.environment(suite.framework)?, tests);
        let more = if let Tests::Checkout(..) = suite.tests { Some(tests) } else { None };
        python.env("PYTHONPATH", self.python_path(more)?).env("PYTHONDONTWRITEBYTECODE", "1").args(suite.arguments());
        Ok(python)
    }

    /// Where Python finds our module, our classes, and what else there is.
    pub(super) fn python_path(&self, more: Option<&Path>) -> Outcome<OsString> {
        let ours = [self.root.join("lib"), self.bridge.join("python")];
        let path = ours.into_iter().chain(more.map(Path::to_owned));
        std::env::join_paths(path).map_err(|cause| Failure::at(&self.root, cause))
    }

    /// Empty files for what a run says.
    pub(super) fn fresh_run(&self, suite: &Suite, mode: &Mode) -> Outcome<Run> {
        let file = |ending| self.root.join("runs").join(format!("{}-{}.{ending}", suite.name, mode.name));
        let run = Run { results: file("results"), log: file("log") };
        for file in [&run.results, &run.log] {
            files::write_if_changed(file, b"")?;
        }
        Ok(run)
    }

    /// The interpreter of the environment with the framework's requirements, which is made if they have changed.
    pub(super) fn environment(&self, framework: &str) -> Outcome<PathBuf> {
        let environment = self.root.join(format!("venv-{framework}"));
        let python = environment.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
        let requirements = self.requirements(framework);
        let wanted = files::read(&requirements)?;
        let stamp = environment.join("requirements.txt");
        if files::read(&stamp).is_ok_and(|present| present == wanted) {
            return Ok(python);
        }
        let system = std::env::var("PYTHON").unwrap_or_else(|_| "python3".to_owned());
        run(program(&system, &self.bridge).args(["-m", "venv", "--clear"]).arg(&environment))?;
        let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"];
        run(program(&python, &self.bridge).args(install).arg(&requirements))?;
        files::write_if_changed(&stamp, wanted.as_bytes())?;
        Ok(python)
    }

    /// The source package, in the version that the requirements name.
    fn source(&self, framework: &str, package: &str) -> Outcome<PathBuf> {
        let python = self.environment(framework)?;
        let requirements = files::read(&self.requirements(framework))?;
        let pinned = requirements.lines().find(|line| line.split("==").next() == Some(package));
        let pinned = pinned.ok_or_else(|| Failure::Failed(format!("{framework}.txt does not pin {package}")))?;
        let name = pinned.replace('-', "_").replace("==", "-");
        let sources = self.root.join("sources");
        let unpacked = sources.join(&name);
        if unpacked.join("pyproject.toml").is_file() {
            return Ok(unpacked);
        }
        // The build backend is pinned with the rest: nothing is installed for the occasion.
        let download = ["-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"];
        let from_source = ["--no-binary", ":all:", "--no-build-isolation", "--dest"];
        run(program(&python, &self.bridge).args(download).args(from_source).arg(&sources).arg(pinned))?;
        let archive = sources.join(format!("{name}.tar.gz"));
        run(program(&python, &self.bridge).args(["-m", "tarfile", "-e"]).arg(&archive).arg(&sources))?;
        Ok(unpacked)
    }

    fn requirements(&self, framework: &str) -> PathBuf {
        self.bridge.join("requirements").join(format!("{framework}.txt"))
    }
}
