"""Access lists of files on Windows, through the system's own functions: mode bits mean nothing there."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from kobo_sync.windows_sddl import private, readers

if sys.platform == "win32":
    import ctypes
    from ctypes import wintypes

    _advapi = ctypes.WinDLL("advapi32", use_last_error=True)
    _kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    _pointer, _dword, _text = ctypes.c_void_p, wintypes.DWORD, wintypes.LPWSTR
    _signatures: tuple[tuple[Any, list[Any]], ...] = (
        (_advapi.GetFileSecurityW, [wintypes.LPCWSTR, _dword, _pointer, _dword, ctypes.POINTER(_dword)]),
        (_advapi.SetFileSecurityW, [wintypes.LPCWSTR, _dword, _pointer]),
        (
            _advapi.ConvertSecurityDescriptorToStringSecurityDescriptorW,
            [_pointer, _dword, _dword, ctypes.POINTER(_text), ctypes.POINTER(_dword)],
        ),
        (
            _advapi.ConvertStringSecurityDescriptorToSecurityDescriptorW,
            [wintypes.LPCWSTR, _dword, ctypes.POINTER(_pointer), ctypes.POINTER(_dword)],
        ),
        (_advapi.OpenProcessToken, [wintypes.HANDLE, _dword, ctypes.POINTER(wintypes.HANDLE)]),
        (
            _advapi.GetTokenInformation,
            [wintypes.HANDLE, ctypes.c_int, _pointer, _dword, ctypes.POINTER(_dword)],
        ),
        (_advapi.ConvertSidToStringSidW, [_pointer, ctypes.POINTER(_text)]),
        (_kernel.CloseHandle, [wintypes.HANDLE]),
    )
    for _function, _arguments in _signatures:
        _function.argtypes, _function.restype = _arguments, wintypes.BOOL
    _kernel.GetCurrentProcess.restype = wintypes.HANDLE
    _kernel.LocalFree.argtypes = [_pointer]

    _DACL, _PROTECTED, _REVISION = 0x4, 0x80000000, 1
    _TOKEN_QUERY, _TOKEN_USER = 0x8, 1

    def _checked(done: int) -> None:
        if not done:
            raise ctypes.WinError(ctypes.get_last_error())

    def _user() -> str:
        """SID of the account at work."""
        token, needed = wintypes.HANDLE(), _dword()
        _checked(_advapi.OpenProcessToken(_kernel.GetCurrentProcess(), _TOKEN_QUERY, ctypes.byref(token)))
        try:
            _advapi.GetTokenInformation(token, _TOKEN_USER, None, 0, ctypes.byref(needed))
            buffer = ctypes.create_string_buffer(needed.value)
            _checked(_advapi.GetTokenInformation(token, _TOKEN_USER, buffer, needed, ctypes.byref(needed)))
            sid, text = ctypes.cast(buffer, ctypes.POINTER(_pointer)).contents, _text()
            _checked(_advapi.ConvertSidToStringSidW(sid, ctypes.byref(text)))
            return _taken(text)
        finally:
            _kernel.CloseHandle(token)

    def _taken(text: Any) -> str:
        value: str = text.value or ""
        _kernel.LocalFree(ctypes.cast(text, _pointer))
        return value

    def others(path: Path) -> list[str]:
        """SIDs that can read the file besides its owner, the system and its administrators. Raises OSError."""
        needed, text = _dword(), _text()
        _advapi.GetFileSecurityW(str(path), _DACL, None, 0, ctypes.byref(needed))
        if not needed.value:
            _checked(0)
        buffer = ctypes.create_string_buffer(needed.value)
        _checked(_advapi.GetFileSecurityW(str(path), _DACL, buffer, needed, ctypes.byref(needed)))
        _checked(
            _advapi.ConvertSecurityDescriptorToStringSecurityDescriptorW(
                buffer, _REVISION, _DACL, ctypes.byref(text), None
            )
        )
        return readers(_taken(text), _user())

    def keep_to_owner(path: Path) -> None:
        """Let only the account at work, the system and its administrators read the file. Raises OSError."""
        descriptor = _pointer()
        _checked(
            _advapi.ConvertStringSecurityDescriptorToSecurityDescriptorW(
                private(_user()), _REVISION, ctypes.byref(descriptor), None
            )
        )
        try:
            _checked(_advapi.SetFileSecurityW(str(path), _DACL | _PROTECTED, descriptor))
        finally:
            _kernel.LocalFree(descriptor)
