"""The words that people use for fields and values: what a sheet is headed with, and what its cells say.

One table for whoever meets them: the spreadsheet's reader and writer, the problems of a file, `explain`, and the schema
that editors show.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Final

from reconciler.core.model.fields import FIELDS, Field, Kind, Value

ZH_HEADINGS: Final = {
    "operatorId": "工号",
    "name": "姓名",
    "operatorType": "坐席类型",
    "status": "状态",
    "mainGroupName": "主技能组",
    "showcaller": "主叫显示号码",
    "bindcode": "绑定电话",
    "sipNumber": "SIP号码",
    "afterInterval": "话后时长",
    "isHidePhone": "隐藏号码",
    "isrecord": "录音",
    "outcallflag": "外呼标志",
    "ttscontent": "播放内容",
    "email": "邮箱",
    "isaudio": "语音",
    "ismessage": "即时消息",
    "isvideo": "视频",
    "judge": "服务评价",
}
"""The Chinese headings of the columns, by field."""

_HEADINGS: Final = {
    "operatorId": "坐席工号 座席工号 坐席号 座席号 坐席号码 座席号码 坐席编号 座席编号 坐席ID 座席ID 员工号 员工工号 "
    "工号ID agentid agentno agentnumber 工號 坐席工號 員工編號",
    "name": "坐席姓名 座席姓名 坐席名称 座席名称 坐席名 座席名 员工姓名 名字 名称 agentname fullname 名稱",
    "operatorType": "座席类型 坐席类别 座席类别 类型 agenttype type 類型 坐席類型",
    "status": "坐席状态 座席状态 是否启用 启用 启用状态 账号状态 狀態 是否啟用",
    "mainGroupName": "主技能组名称 技能组 技能组名称 组别 分组 组 组名 班组 小组 所属组 所属班组 所属技能组 group "
    "groupname skillgroup team 技能組 組別 群組",
    "showcaller": "外显号码 外显号 外显 主叫号码 主叫显示 主叫显号 显示号码 去电显示 callerid",
    "bindcode": "手机 手机号 手机号码 绑定号码 绑定手机 绑定手机号 绑定电话号码 电话 电话号码 联系电话 phone mobile "
    "手機 手機號碼 電話 電話號碼",
    "sipNumber": "SIP SIP号 SIP账号 SIP分机 SIP分机号 分机 分机号 分机号码 extension ext 分機 分機號碼",
    "afterInterval": "话后时间 话后处理时长 话后处理时间 后处理时长 后处理时间 话后整理时长 话后整理时间 "
    "整理时长 整理时间 wrapup wrapuptime acw acwtime",
    "isHidePhone": "是否隐藏号码 号码隐藏 是否隐藏 隐号",
    "isrecord": "是否录音 录音开关 通话录音 recording 錄音 是否錄音",
    "outcallflag": "外呼权限 呼出权限 外呼 是否外呼 允许外呼 外呼權限",
    "ttscontent": "播报内容 播放文本",
    "email": "邮件 电子邮箱 电子邮件 邮箱地址 mail emailaddress 郵箱 電子郵件",
    "isaudio": "是否支持语音 支持语音",
    "ismessage": "是否支持即时消息 支持即时消息",
    "isvideo": "是否支持视频 支持视频",
    "judge": "是否服务评价 满意度评价 满意度",
    "roleName": "角色 角色名称 角色名 role",
    "bindSkillName": "技能 技能名称 绑定技能 绑定技能名称 skill",
    "bindSkillLevel": "技能等级 技能级别 绑定技能等级 skilllevel",
}
"""Further headings that people use for a field, beside its name and its Chinese heading."""

_FILE_KEYS: Final = {
    "version": "版本",
    "company": "企业 公司 公司缩写",
    "abbreviate": "缩写 企业缩写",
    "companyId": "企业id 公司id",
    "scope": "范围",
    "prune": "清理 删除多余",
    "protect": "保护",
    "guardrails": "护栏 限制",
    "recipients": "收件人 公钥",
    "defaults": "默认 默认值 缺省",
    "profiles": "模板 配置模板 角色模板",
    "profile": "模板名称 使用模板",
    "agents": "坐席列表 座席列表 坐席 座席 员工",
    "pools": "号段 号码池 坐席池",
    "from": "起始 起始工号 开始",
    "to": "结束 结束工号 截止",
    "except": "除外 排除",
}
"""Words for the keys of a file that are no fields."""

YES: Final = "是 yes y on 有 开 开启 已开启 開 開啟 啟用 开通 已开通 启用 已启用 支持 允许 对 √ ✓ ✔ ☑"
NO: Final = "否 no n off 无 没有 关 關 關閉 关闭 已关闭 停用 已停用 禁用 已禁用 不支持 不允许 未开通 不 × x ✗ ✘ ☐"
_STATES: Final[Mapping[Value, str]] = {
    "disabled": f"停用 {NO} false 冻结 已冻结 无效",
    "enabled": f"启用 {YES} true 正常 在用 有效",
}
_CHOICE_WORDS: Final[Mapping[str, Mapping[Value, str]]] = {
    "operatorType": {
        "agent": "普通座席 普通坐席 普通 坐席 座席 普通员工 客服",
        "leader": "班长 组长 班组长 班長 組長 班长坐席 班长座席 组长坐席 组长座席",
    },
    "status": _STATES,
    "outcallflag": {
        "allowed": f"允许外呼 {YES} true 允許外呼 可外呼 不限 不限制 无限制",
        "no-long-distance": "限制长话 限制长途 禁止长话 禁止长途",
        "forbidden": f"禁止外呼 {NO} false 禁止 不允许外呼 不可外呼",
        "no-international": "限制国际 限制國際 限制国际长途 禁止国际 禁止国际长途",
    },
}
_FLAG_WORDS: Final[Mapping[Value, str]] = {True: YES, False: NO}
_WITH_CHOICES: Final = (Kind.FLAG, Kind.CHOICE)
_VALUE_BY_WORD: Final[Mapping[str, Mapping[str, Value]]] = {
    row.name: {
        word: value for value, words in _CHOICE_WORDS.get(row.name, _FLAG_WORDS).items() for word in words.split()
    }
    for row in FIELDS
    if row.kind in _WITH_CHOICES
}
"""By field, the value that a word means; canonical spellings and the vendor's integers are not among the words."""
ZH_VALUES: Final[Mapping[str, Mapping[Value, str]]] = {
    row.name: {value: words.split()[0] for value, words in _CHOICE_WORDS.get(row.name, _FLAG_WORDS).items()}
    for row in FIELDS
    if row.kind in _WITH_CHOICES
}
"""By field, the Chinese word of each value."""

_LEADER: Final = ("operatorType", "leader", "agent")
_DISABLED: Final = ("status", "disabled", "enabled")
_YES_NO_HEADINGS: Final[Mapping[str, tuple[str, str, str]]] = {
    **dict.fromkeys(("班长", "组长", "班组长", "是否班长", "是否组长", "leader", "isleader"), _LEADER),
    **dict.fromkeys(("停用", "是否停用", "禁用", "是否禁用", "冻结", "是否冻结", "disabled"), _DISABLED),
    **dict.fromkeys(("禁止外呼", "是否禁止外呼"), ("outcallflag", "forbidden", "allowed")),
    **dict.fromkeys(("限制长话", "限制长途", "禁止长途"), ("outcallflag", "no-long-distance", "allowed")),
    **dict.fromkeys(("限制国际", "限制国际长途", "禁止国际"), ("outcallflag", "no-international", "allowed")),
}
"""Headings that name one value of a choice: the field, and what yes and no mean below them."""

_BRACKETS: Final = re.compile(r"[(\[{【〔<《].*?[)\]}】〕>》]", re.DOTALL)
_NOT_LETTERS: Final = re.compile(r"[\W_]+")


def fold_heading(heading: str) -> str:
    """A heading in a form to compare: without case, width, blanks, hyphens, marks, and anything in brackets."""
    text = unicodedata.normalize("NFKC", heading).casefold()
    return _NOT_LETTERS.sub("", _BRACKETS.sub("", text)) or _NOT_LETTERS.sub("", text)


_FIELD_BY_WORD: Final = {
    fold_heading(word): row.name
    for row in FIELDS
    if row.kind is not Kind.PASSWORD
    for word in (row.name, ZH_HEADINGS.get(row.name, row.name), *_HEADINGS.get(row.name, "").split())
} | {heading: field for heading, (field, *_) in _YES_NO_HEADINGS.items()}
_KEY_BY_WORD: Final = {fold_heading(word): key for key, words in _FILE_KEYS.items() for word in (key, *words.split())}


def field_for_word(word: str) -> str | None:
    """The name of the field that a heading or a key of a file stands for; `None` for none, or a password."""
    return _FIELD_BY_WORD.get(fold_heading(word))


def key_for_word(word: str) -> str | None:
    """The key of a file that a word stands for, be it a field's or another; `None` for none."""
    return field_for_word(word) or _KEY_BY_WORD.get(fold_heading(word))


def known_words() -> Mapping[str, str]:
    """The name of the field by each of its words, folded."""
    return _FIELD_BY_WORD


def yes_and_no(heading: str) -> tuple[str, str] | None:
    """What yes and no mean below a heading that names one value of a choice; `None` below others."""
    named = _YES_NO_HEADINGS.get(fold_heading(heading))
    return named[1:] if named else None


def value_for_word(row: Field, word: str) -> Value:
    """The canonical value of a flag or a choice that a word means; `None` for a word that means none."""
    return _VALUE_BY_WORD.get(row.name, {}).get(folded_word(word))


def folded_word(word: str) -> str:
    """A word of a cell or of a value in a form to compare: without case, width and blanks."""
    return "".join(unicodedata.normalize("NFKC", word).casefold().split())


def also_called(row: Field, most: int = 4) -> tuple[str, ...]:
    """The first Chinese words of a field."""
    words = (ZH_HEADINGS.get(row.name, ""), *_HEADINGS.get(row.name, "").split())
    return tuple(word for word in words if word and not word.isascii())[:most]


def truth_for_word(word: str) -> bool | None:
    """What a word of yes or no means; `None` for another one."""
    return {**dict.fromkeys(YES.split(), True), **dict.fromkeys(NO.split(), False)}.get(folded_word(word))


_PLAIN_YES: Final = frozenset(["是", "yes", "y", "true", "1", "对", "√", "✓", "✔", "☑"])
_PLAIN_NO: Final = frozenset(["否", "no", "n", "false", "0", "不", "×", "x", "✗", "✘", "☐"])
_OF_STATES: Final = frozenset(["启用", "已启用", "停用", "已停用", "禁用", "已禁用"])


def answer_for_word(word: str) -> bool | None:
    """What a word means below a heading that names one value of a choice; `None` for a value's own word.

    Raises:
        ValueError: nobody can tell whether the word is about the heading or about the field.
    """
    folded = folded_word(word)
    if folded in _PLAIN_YES | _PLAIN_NO:
        return folded in _PLAIN_YES
    if truth_for_word(word) is not None and folded not in _OF_STATES:
        raise ValueError(word)
    return None


def fields_with_value(word: str) -> Iterator[tuple[Field, Value]]:
    """The fields that have a value of this word, and that value."""
    for row in FIELDS:
        if (value := value_for_word(row, word)) is not None:
            yield row, value
