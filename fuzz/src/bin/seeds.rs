//! Writes every target's seeds to `corpus/TARGET/` below the working directory, where `cargo fuzz`
//! looks for them.

use std::path::Path;

fn main() -> std::io::Result<()> {
    for target in rhumb_fuzz::TARGETS {
        let folder = Path::new("corpus").join(target.name);
        std::fs::create_dir_all(&folder)?;
        for (number, seed) in (target.seeds)().into_iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number}")), seed)?;
        }
    }
    Ok(())
}
