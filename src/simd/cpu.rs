//! The CPU's maker and family, by which `tuning` chooses.

#![cfg_attr(
    target_arch = "x86_64",
    allow(unsafe_code, reason = "an instruction that all CPUs of the architecture have")
)]

use crate::tuning::Cpu;

/// The CPU that this runs on, found once; `None` where it does not say, or without the standard library.
pub(crate) fn cpu() -> Option<Cpu> {
    #[cfg(all(feature = "std", target_arch = "x86_64"))]
    {
        static CPU: std::sync::OnceLock<Cpu> = std::sync::OnceLock::new();
        Some(*CPU.get_or_init(detect))
    }
    #[cfg(not(all(feature = "std", target_arch = "x86_64")))]
    None
}

/// Vendor and family as the manuals of Intel and AMD define them ("CPUID", functions 0 and 1).
#[cfg(all(feature = "std", target_arch = "x86_64"))]
fn detect() -> Cpu {
    use core::arch::x86_64::__cpuid;
    #[allow(unused_unsafe, reason = "safe functions from Rust 1.94 on")]
    // SAFETY: every x86-64 CPU has the instruction, and these functions of it.
    let [name, signature] = unsafe { [__cpuid(0), __cpuid(1)] };
    let mut vendor = [0; 12];
    for (bytes, register) in vendor.as_chunks_mut::<4>().0.iter_mut().zip([name.ebx, name.edx, name.ecx]) {
        *bytes = register.to_le_bytes();
    }
    let signature = signature.eax;
    let (family, extended) = (signature >> 8 & 0xf, signature >> 20 & 0xff);
    Cpu { vendor, family: if family == 0xf { family + extended } else { family } }
}
