//! Commands of the script, and its Python.

use super::Run;
use crate::drill::ast::Code;
use crate::drill::command::{Effect, effects};
use crate::drill::constants;
use crate::drill::failure::Failure;
use crate::drill::python::{Block, dedented};
use crate::drill::settings::Shell;
use crate::drill::span::Span;
use crate::drill::tcp_info;
use crate::posix::constants::{SOL_TCP, TCP_INFO};

impl Run<'_> {
    pub(super) fn shell(&mut self, text: &str, span: Span) {
        for effect in effects(text, self.directory) {
            match effect {
                Effect::Nothing => {}
                Effect::FlushMetrics => self.env.machine.host.flush_metrics(),
                Effect::Sysctl { name, value } => {
                    if let Err(error) = self.env.machine.host.set_sysctl(&name, &value) {
                        self.notes.push((span, error.to_string()));
                    }
                }
                Effect::Other(command) => self.other_command(command, span),
            }
        }
    }

    fn other_command(&mut self, command: String, span: Span) {
        if self.env.settings.shell == Shell::Forbidden {
            self.notes.push((span, format!("not run: {command}")));
            return;
        }
        let status = std::process::Command::new("sh")
            .args(["-c", &command])
            .current_dir(self.directory)
            .status();
        match status {
            Ok(status) if status.success() => {}
            Ok(status) => self.notes.push((span, format!("{status}: {command}"))),
            Err(error) => self.notes.push((span, format!("{error}: {command}"))),
        }
    }

    pub(super) fn code(&mut self, code: &Code) -> Result<(), Failure> {
        let of_flow = self.env.machine.flows.current().and_then(|flow| flow.fd);
        let script_fd = of_flow.or(self.env.newest_fd());
        let Some(script_fd) = script_fd else {
            let message = "there is no socket of which tcp_info could be asked";
            return Err(Failure::new(code.span, message));
        };
        let fd = self.env.host_fd(script_fd);
        let now = self.env.machine.now();
        let host = &mut self.env.machine.host;
        let info = host
            .getsockopt(now, fd, SOL_TCP, TCP_INFO, usize::from(u16::MAX))
            .map_err(|errno| Failure::new(code.span, format!("tcp_info: {errno}")))?;
        let values = tcp_info::values(&info).into_iter();
        let named = constants::for_code();
        let values = values
            .map(|(name, value)| (name.to_owned(), value.into()))
            .chain(named.map(|(name, value)| (name.to_owned(), value.into())))
            .collect();
        let code_text = dedented(&code.text);
        self.blocks.push((
            code.span,
            Block {
                code: code_text,
                values,
            },
        ));
        Ok(())
    }
}
